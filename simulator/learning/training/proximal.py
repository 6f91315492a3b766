"""Proximal terms, which pull weights towards an anchor during training, and interpolation between weights."""

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
    """Take a step on the loss plus the proximal term strength / 2 ||w - anchor||^2.

    Args:
        weights: the weights w to step.
        anchor: name -> tensor that the weights are pulled towards.
        strength: the factor on w - anchor, which is added to the gradient.
        graded: the passes that have the gradients of the loss, each of different parameters.
    """
    for computed in graded:
        for name, grad in computed.grads.items():
            if not grad.is_meta:
                computed.grads[name] = grad.add(weights[name] - anchor[name], alpha=strength)
    weights.step(*graded)


def _towards_cost(start: Tensors, goal: Tensors, share: float) -> Cost:
    size = tree_bytes(start)
    return Cost(bytes_touched=3 * size, peak_bytes=size)  # both are read, the result is written


@work(cost=_towards_cost)
def towards(start: Tensors, goal: Tensors, share: float) -> Tensors:
    """Return ``start + share (goal - start)``, tensor by tensor.

    Args:
        start: the result at a share of 0.
        goal: the result at a share of 1; it has the same names as ``start``.
        share: how far to go; more than 1 extrapolates.
    """
    if any(tensor.is_meta for tensor in start.values()):
        return dict(start)  # a tree of its own, as in a real run, so that both take the same memory
    return {name: tensor.lerp(goal[name], share) for name, tensor in start.items()}
