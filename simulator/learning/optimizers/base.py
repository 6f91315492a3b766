"""The interface of an optimizer: settings from a scenario, and a rule whose state is kept beside the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from simulator.settings.base import Settings
from simulator.settings.bounds import LearningRate

if TYPE_CHECKING:
    from torch import Tensor

Slots = dict[str, Any]
"""The optimizer state of one parameter: tensors by name and, where the rule counts them, its steps so far."""


class Optimizer(Settings):
    """A rule that turns a gradient into a step.

    Attributes:
        learning_rate: the base learning rate, which the schedule scales.
        copies: how many tensors of the parameter's size the rule keeps as state of each parameter.
    """

    name: ClassVar[str]
    learning_rate: LearningRate

    @property
    def copies(self) -> int:
        raise NotImplementedError

    def step(self, weight: Tensor, grad: Tensor, slots: Slots, learning_rate: float, in_place: bool) -> Tensor:
        """Return the weight after one step.

        Args:
            weight: the parameter, of any shape.
            grad: its gradient, of the same shape; it is not changed.
            slots: the optimizer state of this parameter, which is updated; empty before the first step.
            learning_rate: the rate of this step.
            in_place: whether to write into ``weight`` and return it; otherwise ``weight`` is left as it is.
        """
        raise NotImplementedError

    @property
    def passes(self) -> int:
        """How many times a step goes over the bytes of a parameter.

        Weight and gradient are read, the weight is written, and each tensor of the state is both read and written.
        """
        return 3 + 2 * self.copies
