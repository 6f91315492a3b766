"""In a dry run, equally large shards have the same batches: as many, and as large, as those of a real run."""

from __future__ import annotations

import pytest
import torch

from simulator.learning.data.images import Images
from simulator.learning.data.shards import Shard
from simulator.settings.seeds import Seeds

STATISTICS = ((0.5,), (0.5,))


def shards(samples: int, size: int = 6) -> tuple[Shard, Shard]:
    """The same shard of a real run and of a dry one."""
    index, labels = torch.arange(samples).flip(0), torch.arange(40) % 3
    pixels = torch.zeros(40, 1, 4, 4, dtype=torch.uint8)
    real, dry = (Images(pixels, labels, STATISTICS, dry=dry) for dry in (False, True))
    return Shard(real, index, size, Seeds(1)), Shard(dry, index, size, Seeds(1))


@pytest.mark.parametrize("samples", [1, 5, 6, 13, 40])
@pytest.mark.parametrize(("epochs", "some"), [(1, None), (3, None), (2, 4), (2, 100), (0, None)])
def test_batches_are_as_many_and_as_large_as_real_ones(samples: int, epochs: int, some: int | None) -> None:
    real, dry = shards(samples)
    expected, planned = (list(shard.batches(("train", 1, "a"), epochs, some)) for shard in (real, dry))
    assert [batch.x.shape for batch in planned] == [batch.x.shape for batch in expected]
    assert [batch.y.shape for batch in planned] == [batch.y.shape for batch in expected]


def test_in_order_and_after_pruning() -> None:
    real, dry = shards(13)
    assert [len(batch.y) for batch in dry.in_order()] == [len(batch.y) for batch in real.in_order()] == [6, 6, 1]
    for keep, scores in (("random", []), ("hardest", [torch.rand(13)])):
        kept = [shard.choose(keep, 0.6, scores, ("pruning", 1)) for shard in (real, dry)]
        assert len(kept[0]) == len(kept[1]) == 7
        assert [len(batch.y) for batch in dry.keep(kept[1]).batches(("split",))] == [6, 1]


def test_batches_of_equal_shards_are_made_once() -> None:
    _, dry = shards(13)
    other = Shard(dry.inputs, torch.arange(13), 6, Seeds(1))
    pairs = zip(dry.batches(("train", 1, "a")), other.batches(("train", 7, "b")), strict=True)
    assert all(one is another for one, another in pairs)
    larger = Shard(dry.inputs, torch.arange(14), 6, Seeds(1))
    assert [len(batch.y) for batch in larger.batches(("train", 1, "a"))] == [6, 6, 2]
