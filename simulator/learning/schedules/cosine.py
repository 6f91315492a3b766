"""Cosine decay after a linear warm-up."""

from __future__ import annotations

import math
from typing import ClassVar

from pydantic import Field

from simulator.learning.schedules.base import Schedule
from simulator.settings.bounds import CountOrZero
from simulator.settings.errors import UnfitError


class Cosine(Schedule):
    """A linear warm-up, then half a cosine down to ``floor`` (Loshchilov and Hutter, 2017, without restarts).

    Attributes:
        warmup: rounds of linear warm-up, fewer than there are rounds.
        floor: the factor on the base learning rate that the cosine goes down to, in [0, 1].
    """

    name: ClassVar[str] = "cosine"
    warmup: CountOrZero = 0
    floor: float = Field(0.0, ge=0, le=1)

    def check(self, rounds: int) -> None:
        if self.warmup >= rounds:
            problem = f"in {rounds} rounds the full rate is never reached"
            raise UnfitError("warmup", self.warmup, problem, f"0 to {rounds - 1}")

    def factor(self, round: int, rounds: int) -> float:
        if round <= self.warmup:
            return round / (self.warmup + 1)
        progress = (round - 1 - self.warmup) / max(1, rounds - self.warmup)
        return self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * progress))
