"""Batches of texts of different lengths treated as one: padded to the longest of them."""

from __future__ import annotations

import torch

from simulator.learning.data.datasets.texts import IGNORED
from simulator.learning.data.lazy import CachedFeatures, LazyBatch
from simulator.learning.data.tokens import Tokens
from simulator.learning.training.batches import gather, padded

ORDER = torch.tensor([2, 0, 3])


def states(samples: int, length: int) -> torch.Tensor:
    """Hidden states [samples, length, 2], none of which is zero."""
    return torch.arange(1.0, samples * length * 2 + 1).view(samples, length, 2)


def test_hidden_states_are_padded_with_zeros_and_targets_with_what_is_not_predicted() -> None:
    short, long = padded([states(2, 3), states(2, 5)])
    assert torch.equal(short[:, :3], states(2, 3))
    assert not short[:, 3:].any()
    assert torch.equal(long, states(2, 5))
    few, many = padded([torch.tensor([[4, 5]]), torch.tensor([[6, 7, 8]])])
    assert (few.tolist(), many.tolist()) == ([[4, 5, IGNORED]], [[6, 7, 8]])


def test_batches_of_one_length_are_not_copied() -> None:
    batches = [states(2, 3), states(4, 3)]
    assert all(one is other for one, other in zip(padded(batches), batches, strict=True))
    labels = [torch.tensor([1, 2]), torch.tensor([3])]
    assert all(one is other for one, other in zip(padded(labels), labels, strict=True))


def test_gathered_rows_are_those_of_the_padded_batches() -> None:
    batches = [(states(2, 3), torch.full((2, 3), 7)), (states(2, 5), torch.full((2, 5), 8))]
    x, y = gather(batches, ORDER)
    assert torch.equal(x, torch.cat(padded([batch[0] for batch in batches]))[ORDER])
    assert y.tolist() == [[8] * 5, [7, 7, 7, IGNORED, IGNORED], [8] * 5]


def test_what_is_charged_for_it_is_a_row_of_the_longest_batch_read_and_written() -> None:
    batches = [(states(2, 3), torch.full((2, 3), 7)), (states(2, 5), torch.full((2, 5), 8))]
    cost = gather.cost(batches, ORDER)
    assert cost.bytes_touched == cost.peak_bytes == 2 * 3 * (4 * 5 * 2 + 8 * 5)


def test_a_dry_run_has_the_same_shapes() -> None:
    batches = [(states(2, 3), torch.full((2, 3), 7)), (states(2, 5), torch.full((2, 5), 8))]
    dry = gather([tuple(part.to("meta") for part in batch) for batch in batches], ORDER)
    assert [part.shape for part in dry] == [part.shape for part in gather(batches, ORDER)]
    assert all(part.is_meta for part in dry)


def test_remembered_rows_of_different_lengths_are_looked_up_and_padded() -> None:
    """As rows of their source they would have the length of the longest of all, in whichever batch they come next."""
    ids = torch.full((4, 24), -1, dtype=torch.int32)
    for row, words in enumerate((3, 8, 20, 5)):
        ids[row, :words] = row
    source = Tokens(ids, torch.zeros(4, dtype=torch.int64), 24, longest=True, file_bytes=lambda: None)
    features = CachedFeatures(source, lambda x: (x >= 0).float()[..., None], (24, 1), torch.float32, flops=10**6)
    batches = [(LazyBatch(features, torch.tensor(rows)),) for rows in ([0, 1], [2, 3])]
    (x,) = gather(batches, ORDER)
    assert x.shape == (3, 24, 1)
    assert x.sum(dim=(1, 2)).tolist() == [20, 3, 5]
