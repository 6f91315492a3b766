"""Batches of several clients as one: rows that are gathered, and gradients of which some are aggregated."""

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
from simulator.learning.data.lazy import LazyBatch


def _gather_cost(batches: Sequence[tuple[Any, ...]], order: Tensor) -> Cost:
    row = tree_bytes(batches[0]) // batches[0][0].shape[0]
    touched = 2 * row * len(order)  # read and written
    return Cost(bytes_touched=touched, peak_bytes=touched)


@work(cost=_gather_cost)
def gather(batches: Sequence[tuple[Any, ...]], order: Tensor) -> tuple[Any, ...]:
    """LazyBatch of several batches: [(x, y), ...] -> (x, y). ``order``: which, int64, counted through all batches."""
    return tuple(_rows(column, order) for column in zip(*batches, strict=True))


def _rows(column: Sequence[Tensor | LazyBatch], order: Tensor) -> Tensor | LazyBatch:
    first, known = column[0], [x for x in column if isinstance(x, LazyBatch)]
    if len(known) == len(column) and len({id(x.source) for x in known}) == 1:
        index = torch.cat([x.index for x in known])
        return LazyBatch(known[0].source, index[order.to(index.device)])  # what is remembered of them still is
    if isinstance(first, Tensor) and first.is_meta:
        return first.new_empty((len(order), *first.shape[1:]))
    values = torch.cat([x.tensor() if isinstance(x, LazyBatch) else x for x in column])
    return values[order.to(values.device)]


class Shared(NamedTuple):
    """Which rows of several batches have one gradient in common: those of the first positions of each batch.

    Attributes:
        kept: the rows that go back, in order: one for each shared position, then those that are a batch's own.
        dropped: the other rows of shared positions, batch by batch.
        places: for each batch, where in ``kept`` the gradients of its dropped rows are added.
        own: for each batch, how many rows are its own: the last ones.
        weights: of each kept row: the part of all rows that lies in the batches it stands for, float32.
    """

    kept: Tensor
    dropped: Tensor
    places: list[Tensor]
    own: list[int]
    weights: Tensor

    @classmethod
    def of(cls, samples: Sequence[int], fraction: float) -> Shared:
        """Of batches with so many samples, the first ceil(fraction x samples) positions of each are shared.

        The row that goes back for position k is that of one of the batches that share it, by turns.
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
        dropped = [starts[i] + k for i, mine in enumerate(places) for k in mine]
        return cls(
            torch.tensor(kept),
            torch.tensor(dropped, dtype=torch.int64),
            [torch.tensor(mine, dtype=torch.int64) for mine in places],
            [size - first for size, first in zip(samples, shared, strict=True)],
            torch.tensor(weights),
        )


def _aggregate_cost(grad: Tensor, rows: Shared) -> Cost:
    touched = tree_bytes(grad) + tree_bytes(grad) // len(grad) * len(rows.kept)  # all read, what is kept written
    return Cost(bytes_touched=touched, peak_bytes=touched)


@work(cost=_aggregate_cost)
def aggregate(grad: Tensor, rows: Shared) -> Tensor:
    """Gradients of the kept and the dropped rows [kept + dropped, ...] -> sums at the kept rows [kept, ...]."""
    kept, dropped = grad.split([len(rows.kept), len(rows.dropped)])
    if grad.is_meta:
        return kept
    total = kept.clone()
    for places, part in zip(rows.places, dropped.split([len(places) for places in rows.places]), strict=True):
        total[places.to(total.device)] += part  # no place twice, so always in the same order
    return total


@work(cost=lambda grad, rows: Cost(bytes_touched=2 * tree_bytes(grad), peak_bytes=tree_bytes(grad)))
def unweighted(grad: Tensor, rows: Shared) -> Tensor:
    """Gradients of the mean over all rows -> of the mean over each one's batch: divided by the kept rows' weights."""
    if grad.is_meta:
        return grad
    return grad / rows.weights.to(grad).view(-1, *(1,) * (grad.dim() - 1))


def joined(parts: Sequence[Any]) -> Any:
    """One tensor behind the other: they lie so, it costs nothing."""
    return torch.cat(list(parts)) if len(parts) > 1 else parts[0]
