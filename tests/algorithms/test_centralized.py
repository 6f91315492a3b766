"""Centralized training against plain torch on the pooled data, and what shipping the data costs, by hand."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch.nn.functional import cross_entropy

from simulator.accounting.usage import uses
from simulator.algorithms.centralized import Centralized, Collected
from simulator.algorithms.fedavg import FedAvg
from simulator.experiments.trial import model, trial
from simulator.learning.models.build import Built
from simulator.learning.models.stages import stages_of
from simulator.scenario.scenario import load
from simulator.settings.seeds import Seeds
from simulator.world.world import World
from tests.helpers.driving import drive as driven
from tests.helpers.learners import SAMPLES, STATISTICS, Run, go, largest_difference, make, training
from tests.helpers.models import vit

SIZES = torch.arange(40) ** 2 + 1000
"""Bytes of each image: no two alike."""


def sized(*, dry: bool = False, rounds: int = 3, before: Any = None, after: Any = None) -> World:
    """Four devices whose images have these sizes. ``before``: beside the driver; ``after``: each round."""
    settings = training(rounds=rounds)
    world, task = make(Centralized(), settings, dry=dry)
    world.clients[0].data.inputs.file_bytes = SIZES

    driven(
        Centralized(),
        world,
        task,
        rounds=rounds,
        clients_per_round=3,
        beside=before and before(world),
        on_round=lambda number, state: after and after(world, number),
    )
    return world


def by_hand(number: int) -> int:
    """The bytes of a device's data: its files, and 8 bytes a label."""
    return int(SIZES[number * SAMPLES : (number + 1) * SAMPLES].sum()) + 8 * SAMPLES


@pytest.mark.parametrize("dry", [False, True])
def test_everybodys_data_are_sent_once(dry: bool) -> None:
    world = sized(dry=dry)
    sent = [(row.source, row.target, row.bytes, row.round, row.phase) for row in world.ledger.transfers]
    assert sorted(sent) == [(f"phone-{n}", "server", by_hand(n), 1, "data upload") for n in range(4)]
    assert world.server.store(Collected).data.keys() == {f"phone-{n}" for n in range(4)}
    assert world.server.stores.weigh() == sum(by_hand(n) for n in range(4))


def test_a_smaller_wire_changes_neither_files_nor_labels() -> None:
    fp32, fp16 = (go(Centralized(), training(wire_dtype=dtype)) for dtype in ("fp32", "fp16"))
    assert fp32.world.ledger == fp16.world.ledger


def test_devices_send_side_by_side() -> None:
    """Four uplinks of 1 MB/s into one downlink of 2 MB/s: half a megabyte a second each, after 10 ms of latency."""
    run = go(Centralized())
    size = SAMPLES * (3 * 16 * 16 + 8)
    assert [row.start for row in run.transfers()] == [0.0] * 4
    assert [row.seconds for row in run.transfers()] == pytest.approx([0.01 + size / 0.5e6] * 4)
    assert min(row.start for row in run.works()) == pytest.approx(0.01 + size / 0.5e6)


def test_a_device_is_engaged_while_it_sends_and_never_after() -> None:
    world = sized()
    arrived = {row.source: row.seconds for row in world.ledger.transfers}
    engaged = sorted((row.client, row.round, row.start, row.seconds) for row in world.ledger.engagements)
    assert engaged == [(name, 1, 0.0, arrived[name]) for name in sorted(arrived)]
    assert len(set(arrived.values())) == 4
    power = {site.name: site.hardware.power for site in world.sites}
    used = uses(world.ledger, power, arrived, 0.0, world.now)
    for name, seconds in arrived.items():  # 10 ms of latency is waiting; 2 W idle, 4 W sending
        mine = [use for use in used if use.site == name]
        assert sum(use.seconds for use in mine if use.activity == "wait") == pytest.approx(0.01)
        assert sum(use.energy_j for use in mine) == pytest.approx(2 * 0.01 + 4 * (seconds - 0.01))
    idle = sum(use.seconds for use in used if use.site == "server" and use.activity == "idle")
    assert idle == pytest.approx(world.now)
    assert len(world.ledger.rounds) == 3


def test_each_round_takes_as_many_steps_as_fl() -> None:
    """Equal shards, so equal batches: the same FLOPs in each round, only elsewhere."""
    runs = [go(kind, training(rounds=3, local_epochs=2, batch_size=5)) for kind in (Centralized(), FedAvg())]
    central, fl = ([(row.round, row.flops) for row in run.works(work="train_step")] for run in runs)
    assert sorted(central) == sorted(fl)
    assert len(central) == 3 * 2 * 3 * 2
    assert {row.site for row in runs[0].works()} == {"server"}


RULES: dict[str, tuple[dict[str, Any], Any]] = {
    "sgd": (
        {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9, "weight_decay": 0.01},
        lambda parameters: torch.optim.SGD(parameters, lr=1.0, momentum=0.9, weight_decay=0.01),
    ),
    "adamw": (  # an epsilon so large that gradients of nearly nothing, as those of the keys' biases, make no steps
        {"name": "adamw", "learning_rate": 0.001, "epsilon": 1e-3, "weight_decay": 0.1},
        lambda parameters: torch.optim.AdamW(parameters, lr=1.0, eps=1e-3, weight_decay=0.1),
    ),
}


def pooled_by_torch(run: Run, optimizer: torch.optim.Optimizer, plain: Any, rates: list[float], drawn: int) -> None:
    """Train on all data: batches of eight, ``drawn`` samples an epoch and two epochs a round."""
    data = run.clients[0].data.inputs
    pixels = (data.pixels.float() / 255 - STATISTICS[0][0]) / STATISTICS[1][0]
    for number, rate in enumerate(rates, start=1):
        for group in optimizer.param_groups:
            group["lr"] = rate
        for epoch in range(2):
            random = np.random.default_rng(Seeds(0).integer("batches", "centralized", number, epoch))
            order = random.permutation(len(pixels))[:drawn]
            for rows in torch.from_numpy(order).split(8):
                optimizer.zero_grad()
                cross_entropy(plain(pixels[rows]), data.labels[rows]).backward()
                optimizer.step()


@pytest.mark.parametrize("cohort", [4, 3])
@pytest.mark.parametrize("optimizer", RULES)
def test_it_is_plain_training_on_the_pooled_data(optimizer: str, cohort: int) -> None:
    """All forty samples an epoch where all four devices are chosen, else thirty; the optimizer's state lives on."""
    rule, torchs = RULES[optimizer]
    schedule = {"name": "step", "every": 1, "gamma": 0.5}
    settings = training(rounds=3, local_epochs=2, clients_per_round=cohort, optimizer=rule, schedule=schedule)
    run, plain = go(Centralized(), settings), vit()
    rate = rule["learning_rate"]
    pooled_by_torch(run, torchs(plain.parameters()), plain, [rate, rate / 2, rate / 4], drawn=10 * cohort)
    wanted = torch.nn.ModuleDict(stages_of(plain)).state_dict()
    assert largest_difference(run.trained, wanted) < 1e-6
    assert largest_difference(run.trained, run.task.trainable()) > 1e-3


def test_only_what_is_trained_changes() -> None:
    run = go(Centralized(), training("linear"))
    assert run.trained.keys() == {"head.head.weight", "head.head.bias"}
    assert largest_difference(run.trained, run.task.trainable()) > 1e-3


def test_a_device_that_is_away_sends_when_it_is_back() -> None:
    def leave(world: World) -> Iterator[Any]:
        world.clients[2].site.leave()
        yield world.env.timeout(0)

    def come_back(world: World, number: int) -> None:
        if number == 1:
            world.clients[2].site.come_back()

    world = sized(before=leave, after=come_back)
    assert sorted((row.source, row.round) for row in world.ledger.transfers) == [
        ("phone-0", 1),
        ("phone-1", 1),
        ("phone-2", 2),
        ("phone-3", 1),
    ]
    assert world.server.stores.weigh() == sum(by_hand(n) for n in range(4))


def test_a_device_that_leaves_while_it_sends() -> None:
    """What it sent is lost, it is engaged till then, and the others' data are trained with."""

    def leave(world: World) -> Iterator[Any]:
        yield world.env.timeout(0.015)
        world.clients[2].site.leave()

    world = sized(before=leave)
    (row,) = [row for row in world.ledger.transfers if row.lost]
    assert (row.source, row.seconds, 0 < row.bytes < by_hand(2)) == ("phone-2", 0.015, True)
    (engaged,) = [row.seconds for row in world.ledger.engagements if row.client == "phone-2"]
    assert engaged == 0.015
    sent = sum(row.bytes - row.lost for row in world.ledger.transfers)
    assert sent == world.server.stores.weigh() == sum(by_hand(n) for n in (0, 1, 3))
    assert {row.round for row in world.ledger.works} == {1, 2, 3}


def small_vit(name: str, image_size: int, classes: int, seed: int, pretrained: bool, dry: bool, *_: Any) -> Built:
    model = vit(seed % 2**31, img_size=image_size, patch_size=2, embed_dim=32, num_classes=classes)
    return Built(model.to("meta") if dry else model, STATISTICS)


def test_it_learns_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From random weights, five epochs; guessing gives 0.1."""
    monkeypatch.setattr(model, "build", small_vit)
    file = tmp_path / "digits.yaml"
    data = {
        "name": "digits",
        "world": {"devices": [{"name": "raspberry-pi-4", "count": 4}], "server": {"name": "rtx-4090"}},
        "model": {"name": "random", "image_size": 8},
        "data": {"name": "digits", "partition": {"name": "dirichlet", "alpha": 0.5}},
        "training": {
            "rounds": 5,
            "clients_per_round": 4,
            "batch_size": 32,
            "optimizer": {"name": "adamw", "learning_rate": 0.003},
        },
        "evaluation": {"every": 5},
        "algorithms": [{"name": "centralized"}],
    }
    file.write_text(yaml.safe_dump(data))
    scenario = load(file)
    outcome = trial.run(scenario, scenario.algorithms[0], 0)
    first, last = (outcome.rounds[at].score for at in (0, -1))
    assert first is not None
    assert last is not None
    assert first.accuracy < 0.3
    assert last.accuracy > 0.7
    assert sum(row.bytes for row in outcome.ledger.transfers) == 1400 * (64 + 8)
