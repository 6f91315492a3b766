"""SFPrompt: what changes and what does not, what is sent and when, and what pruning keeps."""

from typing import Any, Literal

import pytest
import torch
from torch import Tensor

from simulator.algorithms.base import UnfitError
from simulator.algorithms.sfprompt import SFPrompt
from simulator.learning.models.parts import Part
from simulator.learning.models.prompts import Prompts
from simulator.learning.trees import leaves
from simulator.world.clients import Installed
from tests.helpers.learners import SAMPLES, Run, equal, go, largest_difference, make, overlaps, training
from tests.helpers.models import vit

DIM, TOKENS = 16, 5
PROMPTS = 4
SMASHED = 4 * (TOKENS + PROMPTS) * DIM
"""Bytes of one sample at a cut: prompts are tokens too."""
LAST_BLOCK = sum(parameter.numel() for parameter in vit().blocks[2].parameters())
TRAINED = PROMPTS * DIM + LAST_BLOCK + 2 * DIM + DIM * 5 + 5
"""Prompts, one block, norm and classifier."""


def alone(which: list[int], **settings: Any) -> tuple[dict[int, Any], Any]:
    """What some of two clients bring from one round, side by side where there are two."""
    algorithm = SFPrompt(keep_fraction=1.0)
    world, task = make(algorithm, training(), clients=2, slots=2, server=2e7, **settings)
    state = algorithm.begin(world, task)
    for client in world.clients:
        client.round_index = 1

    def main() -> Any:
        jobs = [world.start(algorithm.client(world, task, world.clients[i], state), world.clients[i]) for i in which]
        return (yield from world.together(*jobs))

    return dict(zip(which, world.run(main()), strict=True)), world


def test_two_clients_interleaved_on_one_frozen_body_equal_each_alone_to_the_bit() -> None:
    both, world = alone([0, 1])
    assert any(overlaps([row for row in world.ledger.works if row.site == "server"])), "they must meet at the server"
    for number in (0, 1):
        single, _ = alone([number])
        assert equal(both[number].value, single[number].value)
    assert not equal(both[0].value, both[1].value)


def test_prompts_and_tail_change_and_nothing_else() -> None:
    run = go(SFPrompt())
    start = make(SFPrompt(), training())[1].backbone
    whole = {**run.task.backbone, **run.trained}
    changed = {name for name in whole if not torch.equal(whole[name], start[name])}
    tail = {name for name in whole if name.startswith(("block2.", "head."))}
    assert changed == {"prompt.tokens"} | tail
    assert set(run.trained) == changed
    assert all(torch.equal(run.task.backbone[name], start[name]) for name in start)


def test_what_devices_installed_is_the_frozen_head_as_it_was() -> None:
    run = go(SFPrompt())
    start = make(SFPrompt(), training())[1].backbone
    for client in run.clients:
        if client.store(Installed).weights:
            names = {name for name in start if name.startswith(("embed.", "block0."))}
            assert client.store(Installed).weights.keys() == names
            assert all(torch.equal(client.store(Installed).weights[name], start[name]) for name in names)


def rows(run: Run, phase: str) -> tuple[list[Any], list[Any]]:
    return run.works(phase=phase), run.transfers(phase=phase)


def test_local_loss_and_pruning_send_nothing() -> None:
    run = go(SFPrompt(local_epochs=2, keep_fraction=0.5))
    for phase, work, count in (("local loss", "train_step", 6 * 4), ("pruning", "el2n", 6 * 2)):
        works, transfers = rows(run, phase)
        assert not transfers
        assert [row.work for row in works] == [work] * count
        assert all(row.site == row.client for row in works), "on the device alone"


def test_without_prompts_nothing_needs_a_gradient_from_the_server() -> None:
    """The tail alone is trained: smashed data go up and features down, without the prompt tokens, and nothing back."""
    run = go(SFPrompt(keep_fraction=1.0, prompts=Prompts(length=0)))
    sent = {row.kind for row in run.transfers(phase="split training")}
    assert sent == {"smashed data", "features"}
    smashed = 4 * TOKENS * DIM
    assert sum(row.bytes for row in run.transfers(phase="split training")) == 2 * smashed * SAMPLES * 6


@pytest.mark.parametrize("fraction", [0.5, 1.0])
def test_bytes_by_hand(fraction: float) -> None:
    """[4 q gamma n b_f + 2 (|W_t| + |p|) b_f] K a round, whatever the local epochs; the head once a device."""
    for local_epochs in (0, 2):
        run = go(SFPrompt(keep_fraction=fraction, local_epochs=local_epochs))
        kept = int(SAMPLES * fraction)
        split = run.transfers(phase="split training")
        assert sum(row.bytes for row in split) == 4 * SMASHED * kept * 6
        per_kind = {row.kind: 0 for row in split}
        for row in split:
            per_kind[row.kind] += row.bytes
        assert len(per_kind) == 4
        assert set(per_kind.values()) == {SMASHED * kept * 6}
        exchanged = run.transfers(kind="prompts and tail")
        assert [row.bytes for row in exchanged] == [4 * TRAINED] * 12
        head = sum(p.numel() for part in (vit().patch_embed, vit().blocks[0]) for p in part.parameters()) + 6 * DIM
        installed = run.transfers(phase="provisioning")
        assert [row.bytes for row in installed] == [4 * head] * len({row.client for row in exchanged})


def test_flops_by_hand() -> None:
    """Client: U n (head + 3 tail + back to the prompts), n (head + tail), gamma n of the first; server: 2 gamma n b."""
    run = go(SFPrompt(local_epochs=2, keep_fraction=0.5))
    tokens = TOKENS + PROMPTS
    linear, attention = 2 * tokens * 12 * DIM**2, 2 * tokens * 2 * tokens * DIM
    block = linear + attention
    patches, classifier = 2 * 4 * 192 * DIM, 2 * DIM * 5
    head = patches + block
    tail = block + classifier
    # Back: head for its input only (one product more each; attention two), tail for its weights too.
    back_head, back_tail = linear + 2 * attention, 2 * linear + 2 * attention + 2 * classifier
    step = head + tail + back_head + back_tail
    flops = {phase: sum(row.flops for row in run.works(phase=phase) if row.site != "server") for phase in PHASES}
    assert flops["local loss"] == 6 * 2 * SAMPLES * step
    assert flops["pruning"] == 6 * SAMPLES * (head + tail)
    assert flops["split training"] == 6 * 5 * step
    served = sum(row.flops for row in run.works(site="server", phase="split training"))
    assert served == 6 * 5 * (block + linear + 2 * attention)


PHASES = ("local loss", "pruning", "split training")


def test_the_body_is_never_stepped() -> None:
    run = go(SFPrompt())
    assert {row.work for row in run.works(site="server")} == {"forward", "backward", "weighted_mean"}


def test_keeping_everything_scores_nothing() -> None:
    run = go(SFPrompt(keep_fraction=1.0))
    assert rows(run, "pruning") == ([], [])
    assert sum(1 for row in run.transfers(kind="smashed data")) == 6 * 2


def test_keeping_at_random_scores_nothing() -> None:
    run = go(SFPrompt(keep="random", keep_fraction=0.5))
    assert rows(run, "pruning") == ([], [])
    assert sum(row.bytes for row in run.transfers(kind="smashed data")) == SMASHED * 5 * 6


def test_at_least_one_sample_is_kept() -> None:
    run = go(SFPrompt(keep_fraction=0.01))
    assert [row.bytes for row in run.transfers(kind="smashed data")] == [SMASHED] * 6


def test_pruning_once_scores_once_a_device() -> None:
    """One client, three rounds."""
    settings = training(clients_per_round=1, rounds=3)
    counts = {}
    for prune in ("once", "every_round"):
        run = go(SFPrompt(prune=prune), settings, clients=1)  # type: ignore[arg-type]
        counts[prune] = [len(run.works(phase="pruning", round=number)) for number in (1, 2, 3)]
        assert len(run.transfers(kind="smashed data")) == 3
    assert counts == {"once": [2, 0, 0], "every_round": [2, 2, 2]}


class Seen:
    """The positions that went through split training, and the scores they were chosen by, by client and round."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from simulator.learning.data.shards import Shard

        self.chosen: list[tuple[str, list[int], Tensor]] = []
        choose = Shard.choose

        def watched(shard: Any, keep: str, fraction: float, scores: list[Tensor], key: Any) -> Tensor:
            kept = choose(shard, keep, fraction, scores, key)
            self.chosen.append((key[-1], kept.tolist(), torch.cat(scores) if scores else torch.empty(0)))
            return kept

        monkeypatch.setattr(Shard, "choose", watched)


@pytest.mark.parametrize("keep", ["hardest", "easiest"])
def test_pruning_keeps_by_el2n_on_the_short_cut(keep: Literal["hardest", "easiest"], monkeypatch: Any) -> None:
    """Without local epochs the scores of the first round are those of the starting weights: by hand, with timm."""
    seen = Seen(monkeypatch)
    run = go(SFPrompt(keep=keep, local_epochs=0), training(rounds=1, clients_per_round=1), clients=1)
    model, data = vit(), run.clients[0].data
    with torch.no_grad():
        tokens = model._pos_embed(model.patch_embed(data.inputs.rows(data.index)))
        prompts = run.task.backbone["prompt.tokens"].expand(SAMPLES, -1, -1)
        tokens = torch.cat([tokens[:, :1], prompts, tokens[:, 1:]], dim=1)
        tokens = model.blocks[2](model.blocks[0](tokens))  # the body is skipped
        logits = model.head(model.norm(tokens)[:, 0])
    errors = logits.softmax(dim=1) - torch.nn.functional.one_hot(data.labels, 5)
    scores = (errors**2).sum(dim=1).sqrt()
    _, kept, found = seen.chosen[0]
    torch.testing.assert_close(found, scores, rtol=1e-5, atol=1e-6)
    ranked = sorted(range(SAMPLES), key=lambda i: float(scores[i]), reverse=keep == "hardest")
    assert kept == sorted(ranked[:5])


def test_the_average_weighs_clients_by_their_samples_before_pruning() -> None:
    world, task = make(SFPrompt(keep_fraction=0.25), training(), clients=2, samples=(5, 20))
    algorithm = SFPrompt(keep_fraction=0.25)
    state = algorithm.begin(world, task)

    def main() -> Any:
        return (yield from world.together(*(algorithm.client(world, task, client, state) for client in [])))

    assert world.run(main()) == []
    weights = []
    for client in world.clients:
        client.round_index = 1

        def one(client: Any = client) -> Any:
            return (yield from world.start(algorithm.client(world, task, client, state), client))

        weights.append(world.run(one()).weight)
    assert weights == [5, 20]


@pytest.mark.parametrize(("local", "split"), [(0, 1), (1, 0), (0, 0)])
def test_phases_may_be_left_out(local: int, split: int) -> None:
    run = go(SFPrompt(local_epochs=local, split_epochs=split, keep_fraction=1.0))
    assert bool(run.works(phase="local loss")) == bool(local)
    assert bool(run.works(phase="split training")) == bool(split)
    assert (largest_difference(run.trained, run.task.trainable()) > 1e-4) == bool(local or split)


def test_split_training_moves_the_prompts() -> None:
    run = go(SFPrompt(local_epochs=0, keep_fraction=1.0))
    moved = run.trained["prompt.tokens"] - run.task.backbone["prompt.tokens"]
    assert moved.abs().max() > 1e-5


def test_each_phase_has_its_learning_rate() -> None:
    """At a rate of next to nothing a phase does next to nothing."""
    still = go(SFPrompt(local_learning_rate=1e-12, split_learning_rate=1e-12))
    assert largest_difference(still.trained, still.task.trainable()) < 1e-6
    split_only = go(SFPrompt(local_learning_rate=1e-12, keep_fraction=1.0))
    without_local = go(SFPrompt(local_epochs=0, keep_fraction=1.0))
    assert largest_difference(split_only.trained, without_local.trained) < 1e-6
    local_only = go(SFPrompt(split_learning_rate=1e-12, keep_fraction=1.0))
    without_split = go(SFPrompt(split_epochs=0, keep_fraction=1.0))
    assert largest_difference(local_only.trained, without_split.trained) < 1e-6


def test_each_phase_has_an_optimizer_of_its_own() -> None:
    """With momentum, a local phase at a rate of nothing leaves no velocity behind."""
    momentum = {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}
    settings = training(optimizer=momentum)
    with_local = go(SFPrompt(local_learning_rate=1e-12, keep_fraction=1.0), settings)
    without = go(SFPrompt(local_epochs=0, keep_fraction=1.0), settings)
    assert largest_difference(with_local.trained, without.trained) < 1e-6


@pytest.mark.parametrize("place", ["after_class", "end"])
def test_places_of_prompts(place: Literal["after_class", "end"]) -> None:
    run = go(SFPrompt(prompts=Prompts(length=2, place=place)))
    assert run.trained["prompt.tokens"].shape == (1, 2, DIM)
    assert sum(row.bytes for row in run.transfers(kind="features")) == 4 * (TOKENS + 2) * DIM * 5 * 6


BLIND = {"head": 0, "tail": 0}


@pytest.mark.parametrize(
    ("settings", "refused"),
    [
        ({}, True),
        ({"local_epochs": 0}, True),  # pruning by a score that does not see the image
        ({"local_epochs": 0, "keep": "random"}, False),
        ({"local_epochs": 0, "keep_fraction": 1.0}, False),
        ({"keep_fraction": 1.0}, True),
        ({"keep": "random"}, True),
        ({"head": 1}, False),
        ({"tail": 1}, False),
    ],
)
def test_a_short_cut_that_is_blind_is_refused(settings: dict[str, Any], refused: bool) -> None:
    algorithm = SFPrompt(**{**BLIND, **settings})
    _, task = make(algorithm, training())
    if refused:
        with pytest.raises(UnfitError, match="never attends to the image, so it says nothing about it"):
            algorithm.check(task.model, training())
    else:
        algorithm.check(task.model, training())


def test_why_a_blind_short_cut_is_refused() -> None:
    """Class token, no block: the logits of all images are one. With average pooling they are not."""
    x = torch.randn(6, 3, 16, 16)
    for pooling, same in (("token", True), ("avg", False)):
        algorithm = SFPrompt(**BLIND)
        _, task = make(algorithm, training(), model=lambda pooling=pooling: vit(global_pool=pooling))
        cut = task.cut(0, 0)
        logits: Any = Part(task.model, task.backbone, cut.short).infer(x)
        assert bool((logits - logits[0]).abs().max() < 1e-6) == same
        if not same:
            algorithm.check(task.model, training())


def test_two_runs_are_equal_to_the_bit_and_another_seed_differs() -> None:
    one, two, other = (go(SFPrompt(), seed=seed) for seed in (0, 0, 1))
    assert equal(one.trained, two.trained)
    assert one.world.ledger == two.world.ledger
    assert not equal(one.trained, other.trained)
    assert len(list(leaves(one.trained))) == len(one.trained)
