"""How weights are stepped: settings from a scenario, and a rule whose state lives beside the weights it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, NonNegativeFloat, PositiveFloat

from simulator.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

Slots = dict[str, Any]
"""The state of one parameter: tensors by name, and how many steps it took."""


class Optimizer(Settings):
    """A rule that turns a gradient into a step.

    Attributes:
        copies: tensors of the parameter's size that the rule keeps for each parameter.
    """

    name: ClassVar[str]
    learning_rate: PositiveFloat

    @property
    def copies(self) -> int:
        raise NotImplementedError

    def step(self, weight: Tensor, grad: Tensor, slots: Slots, learning_rate: float, in_place: bool) -> Tensor:
        """The stepped weight: the same tensor if ``in_place``, else a new one. ``slots`` is this parameter's state."""
        raise NotImplementedError

    @property
    def passes(self) -> int:
        """How often a step goes over a parameter's bytes: weight and gradient read, weight written, state both."""
        return 3 + 2 * self.copies


class Sgd(Optimizer):
    """Stochastic gradient descent with momentum, as in torch.optim.SGD (dampening 0, no Nesterov)."""

    name: ClassVar[str] = "sgd"
    learning_rate: PositiveFloat = 0.05
    momentum: float = Field(0.0, ge=0, lt=1)
    weight_decay: NonNegativeFloat = 0.0

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


class AdamW(Optimizer):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019, Algorithm 2), as in torch.optim.AdamW."""

    name: ClassVar[str] = "adamw"
    learning_rate: PositiveFloat = 1e-3
    beta1: float = Field(0.9, ge=0, lt=1)
    beta2: float = Field(0.999, ge=0, lt=1)
    epsilon: PositiveFloat = 1e-8
    weight_decay: NonNegativeFloat = 0.01

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
