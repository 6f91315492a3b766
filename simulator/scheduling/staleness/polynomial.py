"""The polynomial staleness weight."""

from __future__ import annotations

from typing import ClassVar

from simulator.scheduling.staleness.base import Staleness
from simulator.settings.bounds import Factor


class Polynomial(Staleness):
    """The weight ``(staleness + 1) ** -exponent`` (Xie et al., 2019, section 5.2; Nguyen et al., 2022, with 0.5).

    Attributes:
        exponent: how fast the weight falls; 0: not at all.
    """

    name: ClassVar[str] = "polynomial"
    exponent: Factor = 0.5

    def weight(self, staleness: int) -> float:
        return float((staleness + 1) ** -self.exponent)
