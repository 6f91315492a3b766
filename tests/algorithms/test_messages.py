"""What an algorithm says it sends is what it sends: every kind, and no other, whatever model is trained and however."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from simulator.accounting.ledger import Ledger
from simulator.accounting.payload import Messages
from simulator.algorithms.base import Algorithm
from simulator.experiments.trial import build, trial
from simulator.settings.errors import UnfitError
from simulator.settings.plugins import ALGORITHMS
from tests.helpers.learners import go, training
from tests.helpers.models import resnet
from tests.helpers.small_trials import ENTRIES, scenario

pytestmark = pytest.mark.usefixtures("small_model")

TRAIN = ("full", "linear", "bias", "prompt")


def sent(ledger: Ledger) -> tuple[set[str], set[str]]:
    """The kinds that went up, and those that came down."""
    up = {row.kind for row in ledger.transfers if row.target == "server"}
    return up, {row.kind for row in ledger.transfers if row.source == "server"}


def declared(kinds: Messages) -> tuple[set[str], set[str]]:
    for names in kinds[:2]:
        assert len(set(names)) == len(names), "each is said once"
    return set(kinds.up), set(kinds.down)


def trained(label: str, train: str) -> dict[str, Any]:
    """An entry without what it compresses, trained so."""
    settings = {key: value for key, value in ENTRIES[label].get("training", {}).items() if key != "compression"}
    return {"label": label, **ENTRIES[label], "training": settings | {"train": train}}


def ways(algorithm: type[Algorithm]) -> tuple[str, ...]:
    """What there is to train, for an algorithm that looks at it."""
    return TRAIN[:1] if "train" in algorithm.ignores else TRAIN


@pytest.mark.parametrize(
    ("label", "train"),
    [
        pytest.param(label, how, marks=() if how == "full" else pytest.mark.slow)
        for label, one in ENTRIES.items()
        for how in ways(ALGORITHMS.find(one["name"]))
    ],
)
def test_an_entry_sends_what_it_declares(label: str, train: str, tmp_path: Path) -> None:
    small = scenario(tmp_path, [], algorithms=[trained(label, train)])
    (entry,) = small.algorithms
    ledger = trial.run(small, entry, seed=0, dry=True).ledger
    assert declared(entry.algorithm.messages(build.structure(small, entry), entry.training)) == sent(ledger)


def variants(name: str) -> list[Algorithm]:
    """By default, and with its labels sent where it can."""
    kind = ALGORITHMS.find(name)
    found = [kind.model_validate({})]
    if "labels" in kind.model_fields:
        found.append(kind.model_validate({"labels": "sent"}))
    return found  # type: ignore[return-value]


@pytest.mark.parametrize("name", ALGORITHMS.names())
def test_every_algorithm_sends_what_it_declares(name: str) -> None:
    for algorithm in variants(name):
        for train in ways(type(algorithm)):
            run = go(algorithm, training(train), dry=True)
            assert declared(algorithm.messages(run.task.model, training(train))) == sent(run.world.ledger), train


def cuts(kind: type[Algorithm]) -> Iterator[dict[str, int]]:
    """Every cut of a model with three blocks that leaves the server one, for an algorithm that cuts."""
    for head in range(3) if "head" in kind.model_fields else ():
        for tail in range(3 - head) if "tail" in kind.model_fields else (0,):
            yield {"head": head, "tail": tail} if "tail" in kind.model_fields else {"head": head}


CUT = [
    (variant.model_copy(update=cut), train)
    for name in ALGORITHMS.names()
    for variant in variants(name)
    for cut in cuts(type(variant))
    for train in ways(type(variant))[:2]
]


@pytest.mark.parametrize(("algorithm", "train"), CUT, ids=lambda value: getattr(value, "name", value))
def test_every_algorithm_sends_what_it_declares_at_every_cut(algorithm: Algorithm, train: str) -> None:
    """A head without weights to train, or a body without any, spares some of it."""
    settings = training(train, rounds=1)
    run = go(algorithm, settings, dry=True)
    try:
        algorithm.check(run.task.model, settings)
    except UnfitError:  # such as a cut that makes the local loss blind
        pytest.skip("the algorithm refuses this cut")
    assert declared(algorithm.messages(run.task.model, settings)) == sent(run.world.ledger)


@pytest.mark.parametrize("name", [name for name in ALGORITHMS.names() if "train" not in ALGORITHMS.find(name).ignores])
def test_the_statistics_of_batch_norm_are_frozen_weights(name: str) -> None:
    """A ResNet has some even where all is trained. It has no tokens for prompts, and no adapters."""
    for algorithm in variants(name):
        run = go(algorithm, dry=True, model=partial(resnet, "test_resnet", layers=(1, 1, 1, 1)))
        assert declared(algorithm.messages(run.task.model, training())) == sent(run.world.ledger)


@pytest.mark.parametrize("name", ALGORITHMS.names())
def test_a_smaller_wire_spares_what_cannot_be_compressed(name: str) -> None:
    """Both are about floating tensors: of integers alone, no byte is saved."""
    for algorithm in variants(name):
        wide, narrow = (go(algorithm, training(wire_dtype=dtype), dry=True) for dtype in ("fp32", "fp16"))
        for kind in {row.kind for row in wide.transfers()}:
            before, after = (sum(row.bytes for row in run.transfers(kind=kind)) for run in (wide, narrow))
            assert (before == after) == (kind in algorithm.messages(wide.task.model, training()).incompressible), kind
