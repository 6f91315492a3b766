"""How updates meet."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from simulator.accounting.costs import Cost, work
from simulator.learning.trees import transform, tree_bytes


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
