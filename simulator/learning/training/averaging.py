"""Weighted means of updates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from torch import Tensor

from simulator.accounting.copy_on_write import CopyOnWrite
from simulator.accounting.costs import Cost, Piece, made_of, work
from simulator.accounting.payload import tree_bytes
from simulator.learning.trees import transform

MEAN = "weighted_mean"
"""The name of the piece that a mean is; a table has its seconds by the KiB of all updates."""


def _priced(sent: int, touched: int, peak: int) -> Cost:
    """Return the cost of a mean, from the bytes of all updates, those of all operands and results, and the peak.

    The mean is a running one: an update is added to the sum, and then it is needed no more.
    """
    return made_of((Piece(MEAN, max(1, round(sent / 1024)), bytes_touched=touched),), peak_bytes=peak)


def _mean_cost(values: list[Any], weights: list[float]) -> Cost:
    sizes = [tree_bytes(value) for value in values]
    sent, mean = sum(sizes), sizes[0]
    return _priced(sent, sent + mean, peak=mean + max(sizes))  # the sum, and the update that is being added


@work(cost=_mean_cost)
def weighted_mean(values: list[Any], weights: list[float]) -> Any:
    """Return the weighted mean of trees of tensors, leaf by leaf.

    (McMahan et al., 2017, Algorithm 1, where the weights are sample counts.) Updates are added one after the other, so
    that its memory is that of two of them, however many there are.

    Args:
        values: the updates, trees of the same structure.
        weights: the weight of each update; they need not add up to 1.

    Raises:
        ValueError: the sum of the weights is not positive.
    """
    total = sum(weights)
    if not total > 0:
        raise ValueError(f"updates weigh {weights}: nothing to average by")
    first, *others = values
    result = (
        CopyOnWrite(first.entries)
        if _has_no_values(first)
        else transform(partial(_scaled, share=weights[0] / total), first)
    )
    for value, weight in zip(others, weights[1:], strict=True):
        if not _shares_entries(first, value):  # such tensors have no values
            transform(partial(_add, share=weight / total), result, value)
    return result


def _scaled(tensor: Tensor, share: float) -> Tensor:
    return tensor if tensor.is_meta else tensor * share


def _add(tensor: Tensor, other: Tensor, share: float) -> None:
    if not tensor.is_meta:
        tensor.add_(other, alpha=share)


def _has_no_values(tree: Any) -> bool:
    return type(tree) is CopyOnWrite and tree.entries is not None


def _shares_entries(tree: Any, other: Any) -> bool:
    """Return whether two trees are the same tensors without values."""
    return _has_no_values(tree) and type(other) is CopyOnWrite and other.entries is tree.entries


def _filled_cost(values: list[dict[str, Any]], weights: list[float], rest: Mapping[str, Any]) -> Cost:
    sizes, mean = [tree_bytes(value) for value in values], _named(values)
    filled = {name: rest[name] for name in mean if any(name not in value for value in values)}
    sent, size = sum(sizes), tree_bytes(mean)
    return _priced(sent, sent + size + tree_bytes(filled), peak=size + max(sizes))  # ``rest`` is in memory anyway


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
    complete = [value if value.keys() == names.keys() else _filled(value, names, rest) for value in values]
    mean: dict[str, Any] = weighted_mean(complete, weights)
    return mean


def _named(values: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one tensor for each name that occurs in any of the updates."""
    return {name: tensor for value in values for name, tensor in value.items()}


def _filled(value: dict[str, Any], names: Iterable[str], rest: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value[name] if name in value else rest[name] for name in names}
