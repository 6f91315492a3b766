"""Updates that started from an older state, moved to the present one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simulator.accounting.costs import Cost, work
from simulator.accounting.payload import tree_bytes


def _moved_cost(state: Mapping[str, Any], value: Mapping[str, Any], base: Mapping[str, Any], weight: float) -> Cost:
    size = tree_bytes({name: tensor for name, tensor in value.items() if name in state})
    return Cost(bytes_touched=4 * size, peak_bytes=size)  # three operands are read, and the result is written


@work(cost=_moved_cost)
def moved(state: Mapping[str, Any], value: Mapping[str, Any], base: Mapping[str, Any], weight: float) -> dict[str, Any]:
    """Return ``state + weight * (value - base)``, tensor by tensor: the change of a client, applied to the present.

    (Nguyen et al., 2022, with the weights of its section on staleness; from memory.) With ``base = state`` it is the
    mix ``(1 - weight) * state + weight * value`` of
    Xie et al., 2019, Algorithm 1.

    Args:
        state: the present state, name -> tensor.
        value: the update; a tensor whose name is not in the state, or of integers, stays as it is.
        base: the state that the update started from.
        weight: how much of the change is applied.
    """

    def move(name: str, tensor: Any) -> Any:
        if name not in state or tensor.is_meta or not tensor.is_floating_point():
            return tensor
        return state[name].add(tensor - base[name], alpha=weight)

    return {name: move(name, tensor) for name, tensor in value.items()}


def _completed_cost(values: Sequence[Mapping[str, Any]], weights: Sequence[float], state: Mapping[str, Any]) -> Cost:
    sent = sum(tree_bytes(dict(value)) for value in values)
    return Cost(bytes_touched=sent + tree_bytes(dict(state)), peak_bytes=tree_bytes(dict(state)))


@work(cost=_completed_cost)
def completed(
    values: Sequence[Mapping[str, Any]], weights: Sequence[float], state: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return updates of which some lack tensors, with these filled in so that a mean is one over those that have them.

    What an update lacks becomes the weighted mean of the updates that have it, or the state's tensor if none has. So
    the weighted mean of the result is, tensor by tensor, the mean over the clients that delivered it: layer-wise
    aggregation (Lang et al., 2024, from memory).

    Args:
        values: the updates, name -> tensor; names are among those of the state.
        weights: the weight of each update.
        state: the present state, name -> tensor.
    """
    fill: dict[str, Any] = {}
    for name, tensor in state.items():
        having = [(value[name], weight) for value, weight in zip(values, weights, strict=True) if name in value]
        if len(having) == len(values):
            continue
        total = sum(weight for _, weight in having)
        if tensor.is_meta or not having:
            fill[name] = tensor
        else:
            fill[name] = sum(value * (weight / total) for value, weight in having)
    return [{name: value[name] if name in value else fill[name] for name in state} for value in values]
