"""Weights that are pulled towards given ones while they learn, and weights that go towards others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.accounting.costs import Cost, work
from simulator.accounting.payload import tree_bytes

if TYPE_CHECKING:
    from simulator.learning.models.parts import Pass
    from simulator.learning.models.weights import Weights

Tensors = dict[str, Any]


def _proximal_cost(weights: Weights, anchor: Tensors, strength: float, *graded: Pass) -> Cost:
    pull = Cost(bytes_touched=4 * tree_bytes(anchor))  # weight, anchor and gradient read, gradient written
    return pull + weights.step.cost(*graded)


@work(cost=_proximal_cost, writes=lambda weights, *_: weights)
def proximal_step(weights: Weights, anchor: Tensors, strength: float, *graded: Pass) -> None:
    """A step along the loss's gradient, which these passes have in parts, plus that of the proximal term, ``strength
    (w - anchor)``."""
    for one in graded:
        for name, grad in one.grads.items():
            if not grad.is_meta:
                one.grads[name] = grad.add(weights[name] - anchor[name], alpha=strength)
    weights.step(*graded)


def _towards_cost(start: Tensors, goal: Tensors, share: float) -> Cost:
    size = tree_bytes(start)
    return Cost(bytes_touched=3 * size, peak_bytes=size)  # both read, a new one written


@work(cost=_towards_cost)
def towards(start: Tensors, goal: Tensors, share: float) -> Tensors:
    """``start + share (goal - start)``, tensor by tensor: a share of 0 stays, 1 arrives, more goes beyond."""
    if any(tensor.is_meta for tensor in start.values()):
        return start
    return {name: tensor.lerp(goal[name], share) for name, tensor in start.items()}
