"""How updates meet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from simulator.accounting.costs import Cost, work
from simulator.accounting.payload import tree_bytes
from simulator.learning.trees import transform


def _mean_cost(values: list[Any], weights: list[float]) -> Cost:
    touched = sum(map(tree_bytes, values)) + tree_bytes(values[0])
    return Cost(bytes_touched=touched, peak_bytes=touched)  # all updates lie there, and their mean


@work(cost=_mean_cost)
def weighted_mean(values: list[Any], weights: list[float]) -> Any:
    """The mean of trees of tensors, leaf by leaf (McMahan et al., 2017, Algorithm 1: weights are sample counts).

    Raises:
        ValueError: the weights add up to nothing.
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
    return Cost(bytes_touched=size + tree_bytes(filled), peak_bytes=size)  # the rest lies there anyway


@work(cost=_filled_cost)
def filled_mean(values: list[dict[str, Any]], weights: list[float], rest: Mapping[str, Any]) -> dict[str, Any]:
    """The mean of dicts that need not have the same names: one that lacks a name counts with its value in ``rest``.
    What none of them has is not in the mean, and costs nothing.

    Raises:
        ValueError: the weights add up to nothing.
    """
    names = _named(values)
    whole = [{name: value[name] if name in value else rest[name] for name in names} for value in values]
    mean: dict[str, Any] = weighted_mean(whole, weights)
    return mean


def _named(values: list[dict[str, Any]]) -> dict[str, Any]:
    """One value of each name that is in some of these dicts."""
    return {name: one for value in values for name, one in value.items()}
