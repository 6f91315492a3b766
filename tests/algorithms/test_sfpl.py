"""SFPL: what is learned against an unsplit loop over the same shuffled batches, and what the shuffle is for."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from simulator.algorithms.base import Algorithm, UnfitError
from simulator.algorithms.sfpl import SFPL
from simulator.algorithms.splitfed import SplitFed
from simulator.algorithms.steps.shared_body import SharedBody
from simulator.learning.data.shards import Shard
from simulator.learning.models.parts import Part, Pass
from simulator.learning.models.stages import stages_of
from simulator.learning.models.weights import Weights
from simulator.scheduling.selection.uniform import Uniform
from simulator.settings.seeds import Seeds
from simulator.world.world import World
from tests.helpers.driving import drive as driven
from tests.helpers.learners import Run, go, largest_difference, make, training
from tests.helpers.models import vit

SIZES = (10, 19, 7, 12)
"""Batches of eight: 8 and 2; 8, 8 and 3; 7; 8 and 4."""
RATE = 0.1
ALL = training(clients_per_round=4)


def unsplit(run: Run, cohort_size: int) -> dict[str, Tensor]:
    """Two rounds in plain torch: each head its client's own for a round, and gradients that autograd takes home."""
    stages = stages_of(vit())
    head = nn.Sequential(stages["embed"], stages["block0"])
    rest = nn.Sequential(stages["block1"], stages["block2"], stages["head"])
    for number in (1, 2):
        cohort = Uniform().choose(run.clients, cohort_size, number, Seeds(0))
        heads = [deepcopy(head) for _ in cohort]
        for client in cohort:
            client.round_index = number
        left = [client.batches("train") for client in cohort]
        step = 0
        while due := [(mine, *batch) for mine, one in zip(heads, left, strict=True) if (batch := next(one, None))]:
            smashed, labels = torch.cat([mine(x.tensor()) for mine, x, _ in due]), torch.cat([y for *_, y in due])
            order = np.random.default_rng(Seeds(0).integer("shuffle", number, step)).permutation(len(labels))
            for rows in torch.from_numpy(order).split(8):
                cross_entropy(rest(smashed[rows]), labels[rows]).backward(retain_graph=True)
                descend(rest)
            for mine, *_ in due:
                descend(mine)
            step += 1
        with torch.no_grad():
            shares = [len(client.data) / sum(len(each.data) for each in cohort) for client in cohort]
            for mean, *each in zip(head.parameters(), *(one.parameters() for one in heads), strict=True):
                mean.copy_(sum(share * value for share, value in zip(shares, each, strict=True)))
    return nn.ModuleDict(stages).state_dict()


def descend(module: nn.Module) -> None:
    """Plain SGD, and no gradient left."""
    with torch.no_grad():
        for parameter in module.parameters():
            assert parameter.grad is not None
            parameter -= RATE * parameter.grad
            parameter.grad = None


@pytest.mark.parametrize("cohort", [4, 3])
def test_it_is_an_unsplit_loop_over_the_shuffled_batches(cohort: int) -> None:
    """So gradients come home to the rows they belong to, and the order is that of the seed's stream."""
    run = go(SFPL(), training(clients_per_round=cohort), samples=SIZES)
    assert largest_difference(run.trained, unsplit(run, cohort)) < 1e-6
    assert largest_difference(run.trained, run.task.backbone) > 1e-2


def one_class_each(algorithm: Algorithm, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Tensor], dict[str, Tensor]]:
    """The labels of each batch that the server trains on in one round, and what becomes of its part."""
    labels: list[Tensor] = []
    train_step = Part.train_step.run

    def watched(part: Part, x: Any, y: Tensor) -> Pass:
        labels.append(y)
        return train_step(part, x, y)

    monkeypatch.setattr(Part.train_step, "run", watched)
    world, task = make(algorithm, ALL, samples=60)
    images = world.clients[0].data.inputs
    for number, client in enumerate(world.clients):
        index = torch.nonzero(images.labels == number).flatten()[:24]
        client.data = Shard(images, index, 8, Seeds(0))
    drive(world, task, algorithm)
    monkeypatch.undo()
    body: Weights = world.server.store(SharedBody).weights
    return labels, {name: body[name] for name in task.trainable(task.cut(1, 0).rest)}


def drive(world: World, task: Any, algorithm: Algorithm, before: Any = None) -> Any:
    """One round with all four clients; ``before``: what runs beside."""

    return driven(algorithm, world, task, beside=before and before())


def test_with_one_class_a_client_the_server_sees_several_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And its part becomes another than SplitFed V2's, which sees one after the other."""
    shuffled, mixed = one_class_each(SFPL(), monkeypatch)
    in_turn, sorted_ = one_class_each(SplitFed(version="v2", labels="sent"), monkeypatch)
    assert [len(y) for y in shuffled] == [len(y) for y in in_turn] == [8] * 12
    assert {len(y.unique()) for y in in_turn} == {1}
    assert min(len(y.unique()) for y in shuffled) > 1
    assert torch.cat(shuffled).bincount().tolist() == torch.cat(in_turn).bincount().tolist() == [24] * 4
    assert largest_difference(mixed, sorted_) > 1e-2


def test_it_costs_what_splitfed_costs_and_waiting() -> None:
    """The same bytes of each kind, the same FLOPs on both sides; and the server waits for all."""
    runs = [go(algorithm, ALL) for algorithm in (SFPL(), SplitFed(version="v2", labels="sent"))]
    sent = [sorted((row.kind, row.client or "", row.bytes) for row in run.transfers()) for run in runs]
    assert sent[0] == sent[1]
    flops = [[sum(row.flops for row in run.works(site=site)) for site in SITES] for run in runs]
    assert flops[0] == flops[1]
    assert runs[0].world.now > runs[1].world.now


SITES = ("server", "phone-0", "phone-3")


def test_nothing_is_trained_before_all_have_sent() -> None:
    run = go(SFPL(), training(rounds=1, clients_per_round=4), samples=8)
    arrived = max(row.start + row.seconds for row in run.transfers(kind="smashed data and labels"))
    begun = min(row.start for row in run.works(site="server"))
    assert begun == arrived
    trained = max(row.start + row.seconds for row in run.works(site="server", phase="split training"))
    assert min(row.start for row in run.transfers(kind="smashed gradient")) == trained


def test_where_the_head_is_frozen_nothing_comes_back() -> None:
    run = go(SFPL(), training("linear"))
    assert {row.kind for row in run.transfers()} == {"frozen weights", "smashed data and labels"}
    assert {row.work for row in run.works(site="server")} == {"gather", "train_step"}
    assert largest_difference(run.trained, run.task.backbone) > 1e-3


@pytest.mark.parametrize("moment", [0.0005, 0.02, 0.05, 0.1, 0.15])
def test_a_device_that_leaves_is_missed_till_the_end_of_the_round(moment: float) -> None:
    world, task = make(SFPL(), ALL, samples=24, server=2e8)

    def leave() -> Iterator[Any]:
        yield world.env.timeout(moment)
        world.clients[2].site.leave()

    drive(world, task, SFPL(), leave)
    begun = {client.name: len([r for r in world.ledger.works if r.site == client.name]) for client in world.clients}
    assert begun.pop("phone-2") < 9
    assert set(begun.values()) == {9}  # three batches: forward, backward, step
    brought = [row.client for row in world.ledger.transfers if row.kind == "model" and row.target == "server"]
    assert sorted(brought, key=str) == ["phone-0", "phone-1", "phone-3"]


def test_there_is_no_shuffle_to_be_turned_off() -> None:
    with pytest.raises(ValidationError, match="there is no such key"):
        SFPL.model_validate({"shuffle": True})


def test_a_cut_that_leaves_no_body_is_refused() -> None:
    _, task = make(SFPL(), training(), dry=True)
    with pytest.raises(UnfitError) as error:
        SFPL(head=3).check(task.model, training())
    assert (error.value.key, error.value.allowed) == ("head", "head + tail of at most 2")
