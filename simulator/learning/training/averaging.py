"""Weighted means of updates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from simulator.accounting.costs import Cost, Piece, made_of, work
from simulator.accounting.payload import tree_bytes
from simulator.learning.trees import transform

MEAN = "weighted_mean"
"""The name of the piece that a mean is; a table has its seconds by the KiB of all updates."""


def _priced(sent: int, touched: int, peak: int) -> Cost:
    """Return the cost of a mean, from the bytes of all updates, those of all operands and results, and the peak."""
    return made_of((Piece(MEAN, max(1, round(sent / 1024)), bytes_touched=touched),), peak_bytes=peak)


def _mean_cost(values: list[Any], weights: list[float]) -> Cost:
    sent = sum(map(tree_bytes, values))
    touched = sent + tree_bytes(values[0])
    return _priced(sent, touched, peak=touched)  # all updates and their mean are in memory at once


@work(cost=_mean_cost)
def weighted_mean(values: list[Any], weights: list[float]) -> Any:
    """Return the weighted mean of trees of tensors, leaf by leaf.

    (McMahan et al., 2017, Algorithm 1, where the weights are sample counts.)

    Args:
        values: the updates, trees of the same structure.
        weights: the weight of each update; they need not add up to 1.

    Raises:
        ValueError: the sum of the weights is not positive.
    """
    total = sum(weights)
    if not total > 0:
        raise ValueError(f"updates weigh {weights}: nothing to average by")
    shares = [weight / total for weight in weights]

    def mean(*tensors: Tensor) -> Tensor:
        if tensors[0].is_meta:
            return tensors[0]
        result = tensors[0] * shares[0]
        for tensor, part in zip(tensors[1:], shares[1:], strict=True):
            result.add_(tensor, alpha=part)
        return result

    return transform(mean, *values)


def _filled_cost(values: list[dict[str, Any]], weights: list[float], rest: Mapping[str, Any]) -> Cost:
    sent, mean = sum(map(tree_bytes, values)), _named(values)
    filled = {name: rest[name] for name in mean if any(name not in value for value in values)}
    size = sent + tree_bytes(mean)
    return _priced(sent, size + tree_bytes(filled), peak=size)  # ``rest`` is in memory anyway


@work(cost=_filled_cost)
def filled_mean(values: list[dict[str, Any]], weights: list[float], rest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the weighted mean of updates that need not contain the same tensors.

    A name that no update contains is not in the mean, and costs nothing.

    Args:
        values: the updates, name -> tensor.
        weights: the weight of each update; they need not add up to 1.
        rest: the tensors that stand in for those that an update lacks.

    Raises:
        ValueError: the sum of the weights is not positive.
    """
    names = _named(values)
    complete = [{name: value[name] if name in value else rest[name] for name in names} for value in values]
    mean: dict[str, Any] = weighted_mean(complete, weights)
    return mean


def _named(values: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one tensor for each name that occurs in any of the updates."""
    return {name: tensor for value in values for name, tensor in value.items()}
