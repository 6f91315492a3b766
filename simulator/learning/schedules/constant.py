"""The same learning rate in every round."""

from __future__ import annotations

from typing import ClassVar

from simulator.learning.schedules.base import Schedule


class Constant(Schedule):
    """The learning rate stays what it is."""

    name: ClassVar[str] = "constant"

    def factor(self, round: int, rounds: int) -> float:
        return 1.0
