"""Ways of keeping a client's own weights near a global model: in its loss, or in its steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from simulator.accounting.costs import Cost, work
from simulator.accounting.payload import tree_bytes
from simulator.learning.models.parts import Part, Pass
from simulator.learning.models.weights import Weights

Tensors = Mapping[str, Any]


class Distilled:
    """The loss gains ``strength x KL(p of the global model || p of this one)``, both over classes (Hinton et al., 2015,
    at temperature 1).

    Args:
        teacher: logits of the global model for the same batch, [N, C].
    """

    def __init__(self, tail: Part, teacher: Tensor, strength: float) -> None:
        self.tail, self.teacher, self.strength = tail, teacher, strength

    def _cost(self, x: Any, y: Tensor) -> Cost:
        return self.tail.loss_backward.cost(x, y) + Cost(bytes_touched=4 * tree_bytes(self.teacher))

    @work(cost=_cost, holds=lambda self, *_: self.tail)
    def loss_backward(self, x: Any, y: Tensor) -> Pass:
        """As the tail's own, of this loss."""

        def loss(logits: Tensor, y: Tensor) -> Tensor:
            mine, theirs = log_softmax(logits, dim=-1), log_softmax(self.teacher, dim=-1)
            return cross_entropy(logits, y) + self.strength * kl_div(
                mine, theirs, reduction="batchmean", log_target=True
            )

        return Pass(self.tail, x, y, loss=loss).run_backward(None)


class Projected:
    """Gradients lose what goes against the direction in which the global model moved, all tensors as one vector.

    With movement d (new minus old) and gradient g, a step goes along -g; where <g, d> > 0 it goes back on the movement,
    and g becomes g - strength <g, d> / <d, d> d: at strength 1 nothing of that is left (as in GEM, Lopez-Paz and
    Ranzato, 2017, equation 11, from memory).
    """

    def __init__(self, weights: Weights, movement: Tensors, strength: float) -> None:
        self.weights, self.movement, self.strength = weights, movement, strength

    def _cost(self, *passes: Pass) -> Cost:
        return Cost(bytes_touched=5 * tree_bytes(dict(self.movement))) + self.weights.step.cost(*passes)

    @work(cost=_cost, writes=lambda self, *_: self.weights)
    def step(self, *passes: Pass) -> None:
        """A step along what is left of the gradients of these passes."""
        grads = [(one, name) for one in passes for name in one.grads if not one.grads[name].is_meta]
        inner = sum((one.grads[name] * self.movement[name]).sum() for one, name in grads)
        length = sum((self.movement[name] ** 2).sum() for _, name in grads)
        for one, name in grads:
            share = torch.as_tensor(inner / length).clamp(min=0).nan_to_num()  # no movement: nothing is lost
            one.grads[name] = one.grads[name] - self.strength * share * self.movement[name]
        self.weights.step(*passes)


def _movement_cost(new: Tensors, old: Tensors) -> Cost:
    size = tree_bytes(dict(new))
    return Cost(bytes_touched=3 * size, peak_bytes=size)


@work(cost=_movement_cost)
def movement(new: Tensors, old: Tensors) -> dict[str, Any]:
    """``new - old``, tensor by tensor."""
    return {name: tensor if tensor.is_meta else tensor - old[name] for name, tensor in new.items()}
