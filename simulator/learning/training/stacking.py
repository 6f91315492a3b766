"""Exact averages of LoRA adapters: their factors are stacked, and the product is folded into the weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from simulator.accounting.costs import Cost, work
from simulator.accounting.payload import tree_bytes
from simulator.learning.models.stages.adapters import Target, draw, merged

Tensors = Mapping[str, Any]


def _stack_cost(adapters: Sequence[Target], updates: Sequence[Tensors], weights: Sequence[float]) -> Cost:
    factors = [name for adapter in adapters for name in (adapter.a, adapter.b)]
    touched = 2 * sum(tree_bytes([update[name] for name in factors]) for update in updates)
    return Cost(bytes_touched=touched, peak_bytes=touched)


@work(cost=_stack_cost)
def stacked(adapters: Sequence[Target], updates: Sequence[Tensors], weights: Sequence[float]) -> dict[str, Tensor]:
    """Stack the adapters of K clients, each of rank r, into one of rank K r whose product is their weighted mean.

    sum_i w_i B_i A_i = [w_1 B_1 | w_2 B_2 | ...] [A_1; A_2; ...]

    Args:
        adapters: the adapters to stack.
        updates: for each client, name -> tensor, with the factors of all adapters.
        weights: the weight of each client; they need not add up to 1.
    """
    total, result = sum(weights), {}
    for adapter in adapters:
        scaled = [_times(update[adapter.b], weight / total) for update, weight in zip(updates, weights, strict=True)]
        result[adapter.a] = torch.cat([update[adapter.a] for update in updates])
        result[adapter.b] = torch.cat(scaled, dim=1)
    return result


def _scaled_cost(adapters: Sequence[Target], update: Tensors, weight: float) -> Cost:
    return Cost(bytes_touched=2 * tree_bytes([update[adapter.b] for adapter in adapters]))


@work(cost=_scaled_cost)
def scaled(adapters: Sequence[Target], update: Tensors, weight: float) -> dict[str, Tensor]:
    """Return the factor B of each adapter times a weight, by name; so the product of the factors is scaled by it.

    Args:
        adapters: the adapters.
        update: name -> tensor, with the factors of all adapters.
        weight: the weight.
    """
    return {adapter.b: _times(update[adapter.b], weight) for adapter in adapters}


def _times(tensor: Tensor, factor: float) -> Tensor:
    return tensor if tensor.is_meta else tensor * factor


def _fold_cost(adapters: Sequence[Target], base: Tensors, stack: Tensors) -> Cost:
    products = sum(2 * stack[adapter.b].numel() * stack[adapter.a].shape[1] for adapter in adapters)
    return Cost(products, 2 * tree_bytes(dict(base)) + tree_bytes(dict(stack)), peak_bytes=tree_bytes(dict(base)))


@work(cost=_fold_cost)
def fold(adapters: Sequence[Target], base: Tensors, stack: Tensors) -> dict[str, Tensor]:
    """Return the weights that adapters change, with the product of stacked adapters added.

    Args:
        adapters: the adapters that are folded in.
        base: name -> tensor of the weights that they change.
        stack: name -> factors of the stacked adapters, as ``stacked`` returns them.
    """
    if any(tensor.is_meta for tensor in base.values()):
        return dict(base)
    return merged({**base, **stack}, adapters)


def _redrawn_cost(adapters: Sequence[Target], tensors: Tensors, seed: int) -> Cost:
    return Cost(bytes_touched=tree_bytes([tensors[adapter.a] for adapter in adapters]))


@work(cost=_redrawn_cost)
def redrawn(adapters: Sequence[Target], tensors: Tensors, seed: int) -> dict[str, Tensor]:
    """Draw a new factor A for each adapter, and return these by name.

    As long as B is zero, a new A does not change the model; it sets the directions in which the adapter learns.

    Args:
        adapters: the adapters to draw for.
        tensors: name -> tensor, with the present A of each adapter, of which shape and device are kept.
        seed: of the random generator.
    """
    generator = torch.Generator().manual_seed(seed)
    return {adapter.a: _drawn(tensors[adapter.a], generator) for adapter in adapters}


def _drawn(a: Tensor, generator: torch.Generator) -> Tensor:
    return a if a.is_meta else draw(torch.empty(a.shape), generator).to(a.device)
