"""Step decay of the learning rate."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from simulator.learning.schedules.base import Schedule
from simulator.settings.bounds import Count


class Step(Schedule):
    """Step decay: the learning rate is multiplied by ``gamma`` after every ``every`` rounds.

    Attributes:
        every: rounds between two drops.
        gamma: the factor of each drop, in (0, 1].
    """

    name: ClassVar[str] = "step"
    every: Count = 10
    gamma: float = Field(0.5, gt=0, le=1)

    def factor(self, round: int, rounds: int) -> float:
        return self.gamma ** ((round - 1) // self.every)
