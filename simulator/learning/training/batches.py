"""Batches of several clients treated as one: gathered rows, and gradients that are partly aggregated."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from math import ceil
from typing import Any, NamedTuple

import torch
from torch import Tensor

from simulator.accounting.costs import Cost, work
from simulator.accounting.payload import tree_bytes
from simulator.learning.data.datasets.texts import IGNORED
from simulator.learning.data.lazy import LazyBatch


def _gather_cost(batches: Sequence[tuple[Any, ...]], order: Tensor) -> Cost:
    row = max(tree_bytes(batch) // batch[0].shape[0] for batch in batches)  # rows are padded to the longest
    touched = 2 * row * len(order)  # read and written
    return Cost(bytes_touched=touched, peak_bytes=touched)


@work(cost=_gather_cost)
def gather(batches: Sequence[tuple[Any, ...]], order: Tensor) -> tuple[Any, ...]:
    """Gather rows of several batches into one: [(x, y), ...] -> (x, y).

    Args:
        batches: the batches, each with its columns in the same order.
        order: the rows to take, in their new order: int64 [N], counted through all batches.
    """
    return tuple(_rows(column, order) for column in zip(*batches, strict=True))


def _rows(column: Sequence[Tensor | LazyBatch], order: Tensor) -> Tensor | LazyBatch:
    first, lazy = column[0], [x for x in column if isinstance(x, LazyBatch)]
    if len(lazy) == len(column) and len({id(x.source) for x in lazy}) == 1 and not lazy[0].source.ragged:
        index = torch.cat([x.index for x in lazy])
        return LazyBatch(lazy[0].source, index[order.to(index.device)])  # cached features can still be looked up
    if isinstance(first, Tensor) and first.is_meta:
        longest = max(column, key=lambda x: x.shape[1:])
        return first.new_empty((len(order), *longest.shape[1:]))
    values = torch.cat(padded([x.tensor() if isinstance(x, LazyBatch) else x for x in column]))
    return values[order.to(values.device)]


def padded(batches: Sequence[Tensor]) -> list[Tensor]:
    """Pad batches of texts to the longest of them: hidden states with zeros, targets with what is not predicted.

    Args:
        batches: hidden states [N, T, D] or targets int64 [N, T], whose T may differ; all else is returned as it is.
    """
    if len({batch.shape[1:] for batch in batches}) == 1:
        return list(batches)
    longest = max(batch.shape[1] for batch in batches)
    fill = 0 if batches[0].is_floating_point() else IGNORED
    return [_longer(batch, longest, fill) for batch in batches]


def _longer(batch: Tensor, length: int, fill: int) -> Tensor:
    longer = batch.new_full((len(batch), length, *batch.shape[2:]), fill)
    longer[:, : batch.shape[1]] = batch
    return longer


class Shared(NamedTuple):
    """The rows of several batches whose gradients are aggregated: those at the first positions of each batch.

    Rows are counted through all batches; K is the number of kept rows.

    Attributes:
        kept: the rows whose gradients are sent back, int64 [K]: first one for each shared position, then the rows that
            are not shared, batch by batch.
        dropped: the other rows at shared positions, int64, batch by batch.
        places: for each batch, the indices in ``kept`` to which the gradients of its dropped rows are added, int64.
        own: for each batch, how many of its rows are not shared; they are its last ones.
        weights: for each kept row, the share of all rows that lies in the batches it stands for, float32 [K].
    """

    kept: Tensor
    dropped: Tensor
    places: list[Tensor]
    own: list[int]
    weights: Tensor

    @classmethod
    def of(cls, samples: Sequence[int], fraction: float) -> Shared:
        """Share the first ceil(fraction x samples) positions of each batch.

        The batches that share position k take turns: the kept row is that of one of them, which depends on k.

        Args:
            samples: the number of samples in each batch.
            fraction: the share of positions that are shared, in [0, 1].
        """
        starts, total = [0, *accumulate(samples)], sum(samples)
        shared = [ceil(Fraction(str(fraction)) * size) for size in samples]  # 0.1 of 30 is 3, not 4
        sharing = [[i for i, size in enumerate(shared) if k < size] for k in range(max(shared))]
        leads = [batches[k % len(batches)] for k, batches in enumerate(sharing)]
        places = [[k for k in range(size) if leads[k] != i] for i, size in enumerate(shared)]
        kept = [starts[i] + k for k, i in enumerate(leads)]
        weights = [sum(samples[i] for i in batches) / total for batches in sharing]
        for i, size in enumerate(samples):
            kept += range(starts[i] + shared[i], starts[i] + size)
            weights += [size / total] * (size - shared[i])
        dropped = [starts[i] + k for i, positions in enumerate(places) for k in positions]
        return cls(
            torch.tensor(kept),
            torch.tensor(dropped, dtype=torch.int64),
            [torch.tensor(positions, dtype=torch.int64) for positions in places],
            [size - first for size, first in zip(samples, shared, strict=True)],
            torch.tensor(weights),
        )


def _aggregate_cost(grad: Tensor, rows: Shared) -> Cost:
    touched = tree_bytes(grad) + tree_bytes(grad) // len(grad) * len(rows.kept)  # all rows read, kept rows written
    return Cost(bytes_touched=touched, peak_bytes=touched)


@work(cost=_aggregate_cost)
def aggregate(grad: Tensor, rows: Shared) -> Tensor:
    """Add the gradients of dropped rows to those of the kept rows that stand for them.

    Args:
        grad: the gradients of the kept rows, then of the dropped rows, [kept + dropped, ...].
        rows: which rows are kept and which are dropped.

    Returns:
        The sums at the kept rows, [kept, ...].
    """
    kept, dropped = grad.split([len(rows.kept), len(rows.dropped)])
    if grad.is_meta:
        return kept
    total = kept.clone()
    for places, part in zip(rows.places, dropped.split([len(places) for places in rows.places]), strict=True):
        total[places.to(total.device)] += part  # a batch has each place once at most, so the sum is deterministic
    return total


@work(cost=lambda grad, rows: Cost(bytes_touched=2 * tree_bytes(grad), peak_bytes=tree_bytes(grad)))
def unweighted(grad: Tensor, rows: Shared) -> Tensor:
    """Turn gradients of the mean loss over all rows into gradients of the mean over the batches each row stands for.

    Args:
        grad: the gradients of the kept rows, [kept, ...].
        rows: has the weights of the kept rows, by which ``grad`` is divided.
    """
    if grad.is_meta:
        return grad
    return grad / rows.weights.to(grad).view(-1, *(1,) * (grad.dim() - 1))


def joined(parts: Sequence[Any]) -> Any:
    """Concatenate tensors along their first dimension; this is free, for they are taken to be adjacent in memory."""
    return torch.cat(list(parts)) if len(parts) > 1 else parts[0]
