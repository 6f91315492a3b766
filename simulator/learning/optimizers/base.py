"""How weights are stepped: settings from a scenario, and a rule whose state lives beside the weights it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import PositiveFloat

from simulator.settings.base import Settings

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
