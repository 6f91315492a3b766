"""Clients with cuts of their own: where the model is cut changes what is charged, and nothing of what is learned."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.sfprompt import SFPrompt
from simulator.algorithms.splitfed import SplitFed
from simulator.algorithms.steps.split import CutPoint, SplitAlgorithm
from tests.helpers.learners import Run, equal, go, largest_difference, training
from tests.helpers.models import vit

BLOCKS = 3
PLACES = [CutPoint(head, tail) for head in range(BLOCKS) for tail in range(BLOCKS - head)]


def mixed(algorithm: SplitAlgorithm, *places: CutPoint) -> Any:
    return algorithm.placed({f"phone-{number}": place for number, place in enumerate(places)})


MIXTURE = CutPoint(0, 0), CutPoint(1, 1), CutPoint(2, 0), CutPoint(0, 2)


@pytest.fixture(scope="module")
def whole() -> Run:
    return go(FedAvg(), training(clients_per_round=4))


@given(places=st.tuples(*[st.sampled_from(PLACES)] * 4))
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_mixture_learns_what_fedavg_learns(whole: Run, places: tuple[CutPoint, ...]) -> None:
    split = go(mixed(SplitFed(), *places), training(clients_per_round=4))
    assert largest_difference(whole.trained, split.trained) < 2e-6


@pytest.mark.parametrize("train", ["linear", "bias"])
def test_so_it_does_where_little_is_trained(train: str) -> None:
    """In some of these cuts a side trains nothing at all."""
    few = training(train, clients_per_round=4)
    assert largest_difference(go(FedAvg(), few).trained, go(mixed(SplitFed(), *MIXTURE), few).trained) < 2e-6


def test_labels_sent_may_be_cut_anywhere_too(whole: Run) -> None:
    heads = [CutPoint(head, 0) for head in (0, 2, 1, 0)]
    split = go(mixed(SplitFed(labels="sent"), *heads), training(clients_per_round=4))
    assert largest_difference(whole.trained, split.trained) < 2e-6


def test_each_client_exchanges_its_own_sides() -> None:
    """By hand: embedding, blocks before and behind the cuts, norm and classifier; 4 bytes a parameter, both ways."""
    run = go(mixed(SplitFed(), *MIXTURE), training(clients_per_round=4, rounds=1))
    model = vit()

    def size(module: Any) -> int:
        return sum(parameter.numel() for parameter in module.parameters())

    ends = size(model) - size(model.blocks)
    for number, place in enumerate(MIXTURE):
        blocks = [*range(place.head), *range(BLOCKS - place.tail, BLOCKS)]
        mine = ends + sum(size(model.blocks[block]) for block in blocks)
        assert [row.bytes for row in run.transfers(kind="model", client=f"phone-{number}")] == [4 * mine] * 2


def test_the_same_cut_for_all_is_the_fixed_cut_to_the_bit() -> None:
    fixed, same = go(SplitFed(head=2, tail=0)), go(mixed(SplitFed(), *[CutPoint(2, 0)] * 4))
    assert equal(fixed.trained, same.trained)
    assert fixed.world.ledger == same.world.ledger
    assert [site.memory.peak_bytes for site in fixed.world.sites] == [s.memory.peak_bytes for s in same.world.sites]


@pytest.mark.parametrize(
    "algorithm",
    [
        mixed(SplitFed(), *MIXTURE),
        mixed(SplitFed(labels="sent"), *[CutPoint(head, 0) for head in (0, 2, 1, 0)]),
        mixed(SFPrompt(), *[CutPoint(head, 1) for head in (0, 1, 0, 1)]),
    ],
    ids=["private", "sent", "sfprompt"],
)
@pytest.mark.parametrize("compression", [{}, {"smashed data": {"name": "fp16"}}], ids=["plain", "fp16"])
def test_dry_is_real(algorithm: SplitAlgorithm, compression: dict[str, Any]) -> None:
    if compression and algorithm.model_dump().get("labels") == "sent":
        compression = {"smashed data and labels": {"name": "fp16"}}
    dry, real = (
        go(algorithm, training(clients_per_round=4, compression=compression), dry=dry) for dry in (True, False)
    )
    assert dry.world.ledger == real.world.ledger
    assert [site.memory.peak_bytes for site in dry.world.sites] == [s.memory.peak_bytes for s in real.world.sites]


def test_the_kinds_of_a_mixture_are_those_of_any_of_its_cuts() -> None:
    """Linear: a head alone trains nothing, but the tail of the one whose body has all blocks does."""
    run = go(mixed(SplitFed(), *MIXTURE), training("bias", clients_per_round=4))
    kinds = mixed(SplitFed(), *MIXTURE).messages(run.task.model, run.task.training)
    found = {(row.kind, row.source == "server") for row in run.world.ledger.transfers}
    assert found == {(kind, False) for kind in kinds.up} | {(kind, True) for kind in kinds.down}


def test_sfprompt_learns_alike_wherever_its_frozen_head_ends() -> None:
    """The head is frozen, so split training is the same wherever it ends; the short cut would be another one."""
    plain = {"local_epochs": 0, "keep_fraction": 1.0}
    one, two = (
        go(mixed(SFPrompt(**plain), *[CutPoint(head, 1) for head in heads]), training(clients_per_round=4))
        for heads in ((0, 0, 0, 0), (1, 0, 1, 0))
    )
    assert largest_difference(one.trained, two.trained) < 2e-6
