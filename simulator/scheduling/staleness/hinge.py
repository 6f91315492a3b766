"""The hinge staleness weight."""

from __future__ import annotations

from typing import ClassVar

from simulator.scheduling.staleness.base import Staleness
from simulator.settings.bounds import CountOrZero, Factor


class Hinge(Staleness):
    """The weight 1 up to a staleness, and ``1 / (slope * (staleness - free) + 1)`` beyond (Xie et al., 2019, section
    5.2).

    Attributes:
        free: the largest staleness that has the weight 1 (the paper's b).
        slope: how fast the weight falls beyond it (the paper's a).
    """

    name: ClassVar[str] = "hinge"
    free: CountOrZero = 4
    slope: Factor = 10.0

    def weight(self, staleness: int) -> float:
        return 1.0 if staleness <= self.free else 1.0 / (self.slope * (staleness - self.free) + 1.0)
