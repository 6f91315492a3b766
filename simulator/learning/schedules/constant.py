"""A constant learning rate."""

from __future__ import annotations

from typing import ClassVar

from simulator.learning.schedules.base import Schedule


class Constant(Schedule):
    """The same learning rate in every round."""

    name: ClassVar[str] = "constant"

    def factor(self, round: int, rounds: int) -> float:
        return 1.0
