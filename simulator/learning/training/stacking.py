"""Exact averages of adapters: factors laid beside one another, and added to the weights they change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from simulator.accounting.costs import Cost, work
from simulator.accounting.payload import tree_bytes
from simulator.learning.models.stages.adapters import Target, draw, merged

Tensors = Mapping[str, Any]


def _stack_cost(found: Sequence[Target], updates: Sequence[Tensors], weights: Sequence[float]) -> Cost:
    touched = 2 * sum(tree_bytes([update[name] for one in found for name in (one.a, one.b)]) for update in updates)
    return Cost(bytes_touched=touched, peak_bytes=touched)


@work(cost=_stack_cost)
def stacked(found: Sequence[Target], updates: Sequence[Tensors], weights: Sequence[float]) -> dict[str, Tensor]:
    """Adapters of rank r of K clients -> one of rank K r, whose product is the mean of theirs by weight.

    sum_i w_i B_i A_i = [w_1 B_1 | w_2 B_2 | ...] [A_1; A_2; ...]
    """
    total, result = sum(weights), {}
    for one in found:
        scaled = [_times(update[one.b], weight / total) for update, weight in zip(updates, weights, strict=True)]
        result[one.a] = torch.cat([update[one.a] for update in updates])
        result[one.b] = torch.cat(scaled, dim=1)
    return result


def _times(tensor: Tensor, factor: float) -> Tensor:
    return tensor if tensor.is_meta else tensor * factor


def _fold_cost(found: Sequence[Target], base: Tensors, stack: Tensors) -> Cost:
    products = sum(2 * stack[one.b].numel() * stack[one.a].shape[1] for one in found)
    return Cost(products, 2 * tree_bytes(dict(base)) + tree_bytes(dict(stack)), peak_bytes=tree_bytes(dict(base)))


@work(cost=_fold_cost)
def fold(found: Sequence[Target], base: Tensors, stack: Tensors) -> dict[str, Tensor]:
    """The weights that adapters change, by name, with the product of a stack added."""
    if any(tensor.is_meta for tensor in base.values()):
        return dict(base)
    return merged({**base, **stack}, found)


def _redrawn_cost(found: Sequence[Target], tensors: Tensors, seed: int) -> Cost:
    return Cost(bytes_touched=tree_bytes([tensors[one.a] for one in found]))


@work(cost=_redrawn_cost)
def redrawn(found: Sequence[Target], tensors: Tensors, seed: int) -> dict[str, Tensor]:
    """A new A for each adapter, by name, where B is zero: nothing changes yet, and what is learned has a direction of
    its own."""
    generator = torch.Generator().manual_seed(seed)
    return {one.a: _drawn(tensors[one.a], generator) for one in found}


def _drawn(a: Tensor, generator: torch.Generator) -> Tensor:
    return a if a.is_meta else draw(torch.empty(a.shape), generator).to(a.device)
