"""Figures that are equally likely anywhere between two values."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from simulator.settings.errors import UnfitError
from simulator.world.distributions.base import Amount, Distribution, Draw, shares
from simulator.world.distributions.measure import Measure

if TYPE_CHECKING:
    from simulator.world.distributions.table import DeviceTable


class Uniform(Distribution):
    """Uniform between two values.

    Attributes:
        low, high: the smallest and the largest value, in the unit of the figure.
    """

    name: ClassVar[str] = "uniform"
    low: Amount
    high: Amount

    def check(self, measure: Measure, table: DeviceTable | None) -> None:
        low, high = self.read(measure, "low", "high")
        if low > high:
            raise UnfitError("low", self.low, f"it is more than high, {self.high}", f"at most {self.high}")

    def sample(self, draw: Draw) -> np.ndarray:
        low, high = self.read(draw.measure, "low", "high")
        values: np.ndarray = low + (high - low) * shares(draw)
        return np.clip(values, low, high)
