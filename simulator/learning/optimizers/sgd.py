"""Stochastic gradient descent."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

if TYPE_CHECKING:
    from torch import Tensor
from simulator.learning.optimizers.base import Optimizer, Slots
from simulator.settings.bounds import Factor, LearningRate


class Sgd(Optimizer):
    """Stochastic gradient descent with momentum, as in torch.optim.SGD (dampening 0, no Nesterov).

    Attributes:
        momentum: the factor on the velocity, in [0, 1); 0: plain gradient descent, which keeps no state.
        weight_decay: the factor on the weight that is added to its gradient.
    """

    name: ClassVar[str] = "sgd"
    learning_rate: LearningRate = 0.05
    momentum: float = Field(0.0, ge=0, lt=1)
    weight_decay: Factor = 0.0

    @property
    def copies(self) -> int:
        return int(self.momentum > 0)

    def step(self, weight: Tensor, grad: Tensor, slots: Slots, learning_rate: float, in_place: bool) -> Tensor:
        if self.weight_decay:
            grad = grad.add(weight, alpha=self.weight_decay)
        if self.momentum:
            velocity = slots.get("velocity")
            velocity = grad.clone() if velocity is None else velocity.mul_(self.momentum).add_(grad)
            slots["velocity"] = grad = velocity
        return weight.add_(grad, alpha=-learning_rate) if in_place else weight.add(grad, alpha=-learning_rate)
