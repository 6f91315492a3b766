"""Batches come as they are asked for: a real run has a few of them in memory, not all of a round."""

import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from torch import Tensor

from simulator.algorithms.splitfrozen import SplitFrozen
from simulator.algorithms.steps.staging import StagedBatches
from simulator.learning.data.lazy import LazyBatch
from simulator.learning.data.shards import Batch, Shard
from tests.helpers.learners import go, training

ROOM, BATCHES, EPOCHS = 2, 12, 2
FEW = 2 * (ROOM + 2) + 1
"""On either side of the link so many wait, one for room among them, and one is worked on; and one is just made."""


def run(**how: Any) -> None:
    """One client, and a server that is slower than it."""
    algorithm = SplitFrozen(room=ROOM, **how)
    settings = training("lora", rounds=1, lora={"rank": 2}, local_epochs=EPOCHS)
    go(algorithm, settings, clients=1, samples=8 * BATCHES, server=1e6, remember=False)


HOWS: list[dict[str, Any]] = [{}, {"pipeline": False}, {"backward": "decomposed"}]


@pytest.mark.parametrize("how", HOWS)
def test_no_batch_is_made_before_there_is_room_for_it(how: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref[Tensor]] = []
    alive = []
    batches = Shard.batches

    def fresh(batch: Batch) -> Batch:
        """Images that are made when they are asked for, as augmented ones are."""
        pixels = batch.x.tensor() if isinstance(batch.x, LazyBatch) else batch.x
        made.append(weakref.ref(pixels))
        alive.append(sum(one() is not None for one in made))
        return Batch(pixels, batch.y)

    def watched(self: Shard, *args: Any, **more: Any) -> Iterator[Batch]:
        for batch in batches(self, *args, **more):
            yield fresh(batch)

    monkeypatch.setattr(Shard, "batches", watched)
    run(**how)
    assert len(alive) == EPOCHS * BATCHES
    assert max(alive) <= 2  # the last one until the loop goes on, and the next


@pytest.mark.parametrize("how", HOWS)
def test_what_was_sent_is_forgotten_when_it_has_been_trained_on(
    how: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert most_smashed(monkeypatch, **how) <= FEW < BATCHES


def test_a_server_that_holds_them_has_all_of_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    assert BATCHES <= most_smashed(monkeypatch, cache=True) <= BATCHES + FEW


def most_smashed(monkeypatch: pytest.MonkeyPatch, **how: Any) -> int:
    """How many batches of smashed data really were in memory at once, at most, on either side."""
    seen: list[weakref.ref[Tensor]] = []
    alive = []
    add = StagedBatches.add

    def watched(self: StagedBatches, batch: Any) -> None:
        seen.append(weakref.ref(batch[0]))
        alive.append(len({id(tensor) for one in seen if (tensor := one()) is not None}))
        add(self, batch)

    monkeypatch.setattr(StagedBatches, "add", watched)
    run(**how)
    return max(alive)
