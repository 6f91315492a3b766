"""Alignment of a client's own weights with a global model, in the loss or in the step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from simulator.accounting.costs import Cost, work
from simulator.accounting.payload import tree_bytes
from simulator.learning.models.parts import Part, Pass
from simulator.learning.models.weights import Weights

Tensors = Mapping[str, Any]


def _infer_cost(tail: Part, x: Any) -> Cost:
    held = -tail.model.objective.divergence_cost(tail.sizes(x).shape).kept_bytes
    return tail.infer.cost(x) + Cost(kept_bytes=held)


@work(cost=_infer_cost, holds=lambda tail, _: tail)
def infer(tail: Part, x: Any) -> Any:
    """Return the logits of the global model's tail, which are in memory until ``Distilled`` has used them."""
    return tail.infer(x)


class Distilled:
    """A tail trained with knowledge distillation from the global model (Hinton et al., 2015, at temperature 1).

    The loss is that of the objective plus ``strength x KL(p_global || p_own)``, where p are the probabilities of the
    global model and of this one; the divergence is a mean over the predictions that count.

    Args:
        tail: the part that ends in the logits.
        teacher: logits of the global model for the same batch, [N, C] or [N, T, V].
        strength: the factor on the divergence.
    """

    def __init__(self, tail: Part, teacher: Tensor, strength: float) -> None:
        self.tail, self.teacher, self.strength = tail, teacher, strength

    def _cost(self, x: Any, y: Tensor) -> Cost:
        sizes, objective = self.tail.sizes(x), self.tail.model.objective
        own = objective.divergence_cost(sizes.shape)
        if own.peak_bytes:
            own = own._replace(peak_bytes=sizes.kept + objective.loss_cost(sizes.shape).peak_bytes + own.peak_bytes)
        return self.tail.loss_backward.cost(x, y) + own

    @work(cost=_cost, holds=lambda self, *_: self.tail)
    def loss_backward(self, x: Any, y: Tensor) -> Pass:
        """Run a batch forward, compute the distillation loss with what is to be predicted, ``y``, and run backward."""
        objective = self.tail.model.objective

        def loss(logits: Tensor, y: Tensor) -> Tensor:
            return objective.distilled(logits, self.teacher, y, self.strength)

        return Pass(self.tail, x, y, loss=loss).run_backward(None)


class Projected:
    """Steps whose gradients are projected, so that they do not undo the last movement of the global model.

    All tensors together are one vector. With the movement d (new minus old) and the gradient g, a step goes along -g.
    Where <g, d> > 0, it would go against the movement, and g is replaced by g - strength <g, d> / <d, d> d. At strength
    1 the component along d is gone (as in GEM, Lopez-Paz and Ranzato, 2017, equation 11, from memory).

    Args:
        weights: the weights to step.
        movement: name -> new minus old tensor of the global model.
        strength: the share of the component against the movement that is taken away.
    """

    def __init__(self, weights: Weights, movement: Tensors, strength: float) -> None:
        self.weights, self.movement, self.strength = weights, movement, strength

    def _cost(self, *passes: Pass) -> Cost:
        return Cost(bytes_touched=5 * tree_bytes(dict(self.movement))) + self.weights.step.cost(*passes)

    @work(cost=_cost, writes=lambda self, *_: self.weights)
    def step(self, *passes: Pass) -> None:
        """Take a step along the projected gradients of these passes, which share no parameter."""
        grads = [(computed, name) for computed in passes for name, grad in computed.grads.items() if not grad.is_meta]
        inner = sum((computed.grads[name] * self.movement[name]).sum() for computed, name in grads)
        square = sum((self.movement[name] ** 2).sum() for _, name in grads)
        for computed, name in grads:
            share = torch.as_tensor(inner / square).clamp(min=0).nan_to_num()  # 0 / 0 where nothing has moved
            computed.grads[name] = computed.grads[name] - self.strength * share * self.movement[name]
        self.weights.step(*passes)


def _movement_cost(new: Tensors, old: Tensors) -> Cost:
    size = tree_bytes(dict(new))
    return Cost(bytes_touched=3 * size, peak_bytes=size)


@work(cost=_movement_cost)
def movement(new: Tensors, old: Tensors) -> dict[str, Any]:
    """Return ``new - old``, tensor by tensor."""
    return {name: tensor if tensor.is_meta else tensor - old[name] for name, tensor in new.items()}
