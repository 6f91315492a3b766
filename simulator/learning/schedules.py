"""Learning-rate schedules: functions of the round."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from pydantic import Field, NonNegativeInt, PositiveInt

from simulator.settings import Settings


class Schedule(Settings):
    """What the learning rate is multiplied with in a round."""

    name: ClassVar[str]

    def factor(self, round: int, rounds: int) -> float:
        """For ``round`` in 1..``rounds``."""
        raise NotImplementedError

    def unfit(self, rounds: int) -> tuple[str, Any, str, str] | None:
        """What makes no sense in so many rounds: (key, value, problem, what is allowed), or nothing."""
        return None


class Constant(Schedule):
    """The learning rate stays what it is."""

    name: ClassVar[str] = "constant"

    def factor(self, round: int, rounds: int) -> float:
        return 1.0


class Cosine(Schedule):
    """A linear warm-up, then half a cosine down to ``floor`` (Loshchilov and Hutter, 2017, without restarts)."""

    name: ClassVar[str] = "cosine"
    warmup: NonNegativeInt = 0
    floor: float = Field(0.0, ge=0, le=1)

    def unfit(self, rounds: int) -> tuple[str, Any, str, str] | None:
        if self.warmup < rounds:
            return None
        problem = f"in {rounds} rounds the full rate is never reached"
        return "warmup", self.warmup, problem, f"0 to {rounds - 1}"

    def factor(self, round: int, rounds: int) -> float:
        if round <= self.warmup:
            return round / (self.warmup + 1)
        done = (round - 1 - self.warmup) / max(1, rounds - self.warmup)
        return self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * done))


class Step(Schedule):
    """Multiplied by ``gamma`` after every ``every`` rounds."""

    name: ClassVar[str] = "step"
    every: PositiveInt = 10
    gamma: float = Field(0.5, gt=0, le=1)

    def factor(self, round: int, rounds: int) -> float:
        return self.gamma ** ((round - 1) // self.every)
