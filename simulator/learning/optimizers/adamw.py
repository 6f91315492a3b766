"""Adam with decoupled weight decay."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

if TYPE_CHECKING:
    from torch import Tensor
from simulator.learning.optimizers.base import Optimizer, Slots
from simulator.settings.bounds import Factor, LearningRate, PositiveFactor


class AdamW(Optimizer):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019, Algorithm 2), as in torch.optim.AdamW.

    Attributes:
        beta1: the decay rate of the running mean of gradients.
        beta2: the decay rate of the running mean of squared gradients.
        epsilon: added to the denominator of a step.
        weight_decay: the share of the weight, times the learning rate, that each step takes away.
    """

    name: ClassVar[str] = "adamw"
    learning_rate: LearningRate = 1e-3
    beta1: float = Field(0.9, ge=0, lt=1)
    beta2: float = Field(0.999, ge=0, lt=1)
    epsilon: PositiveFactor = 1e-8
    weight_decay: Factor = 0.01

    @property
    def copies(self) -> int:
        return 2

    def step(self, weight: Tensor, grad: Tensor, slots: Slots, learning_rate: float, in_place: bool) -> Tensor:
        if not slots:
            slots.update(mean=grad.new_zeros(grad.shape), square=grad.new_zeros(grad.shape), steps=0)
        mean, square, steps = slots["mean"], slots["square"], slots["steps"] + 1
        slots["steps"] = steps
        mean.lerp_(grad, 1 - self.beta1)
        square.mul_(self.beta2).addcmul_(grad, grad, value=1 - self.beta2)
        scale = (square / (1 - self.beta2**steps)).sqrt_().add_(self.epsilon)
        if not in_place:
            weight = weight.clone()
        if self.weight_decay:
            weight.mul_(1 - learning_rate * self.weight_decay)
        return weight.addcdiv_(mean, scale, value=-learning_rate / (1 - self.beta1**steps))
