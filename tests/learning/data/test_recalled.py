"""Cached rows that were computed together in an earlier process are computed together again."""

from __future__ import annotations

import torch
from torch import Tensor

from simulator.learning.data.images import Images
from simulator.learning.data.lazy import CachedFeatures


def features(batches: list[list[int]]) -> CachedFeatures:
    """Features whose value is the size of the batch in which they were computed; it is noted."""
    images = Images(torch.zeros(8, 3, 2, 2, dtype=torch.uint8), torch.arange(8), ((0.5,) * 3, (0.5,) * 3))

    def function(values: Tensor) -> Tensor:
        batches.append([len(values)])
        return torch.full((len(values), 1), float(len(values)))

    return CachedFeatures(images, function, (1,), torch.float32, flops=10**6)


def test_rows_have_the_values_of_the_batch_in_which_they_were_computed_first() -> None:
    first = features([])
    first.rows(torch.tensor([0, 1, 2]))
    first.rows(torch.tensor([2, 3]))
    assert [group.tolist() for group in first.groups] == [[0, 1, 2], [3]]
    sizes: list[list[int]] = []
    second = features(sizes)
    second.recall(first.groups)
    assert second.rows(torch.tensor([1, 4])).flatten().tolist() == [3, 1]
    assert sizes == [[3], [1]]
    assert sorted(group.tolist() for group in second.groups) == [[0, 1, 2], [3], [4]]
    assert second.rows(torch.arange(4)).flatten().tolist() == [3, 3, 3, 1]
