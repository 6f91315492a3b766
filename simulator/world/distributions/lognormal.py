"""Figures whose logarithms have a normal distribution."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from simulator.settings.errors import UnfitError
from simulator.world.distributions.base import Amount, Distribution, Draw, shares
from simulator.world.distributions.measure import Measure

if TYPE_CHECKING:
    from simulator.world.distributions.table import DeviceTable

RAREST = 1e-9
"""The smallest probability of the range between `least` and `most`."""


class Lognormal(Distribution):
    """Lognormal: the logarithm of a value has a normal distribution.

    Half of the devices are below the median, and 68 % lie between the median divided by, and multiplied by, e^sigma.
    Where `least` or `most` is given, the distribution is truncated: what lies beyond them is drawn anew, and not set to
    them.

    Attributes:
        median: the median, in the unit of the figure.
        sigma: the standard deviation of the natural logarithm; 0: all devices have the median.
        least, most: the smallest and the largest value; null: no bound.
    """

    name: ClassVar[str] = "lognormal"
    median: Amount
    sigma: Annotated[float, Field(ge=0, le=10)]
    least: Amount | None = None
    most: Amount | None = None

    def check(self, measure: Measure, table: DeviceTable | None) -> None:
        (median,) = self.read(measure, "median")
        if median == 0:
            raise UnfitError("median", self.median, "it is zero, and must be more than 0")
        least, most = self._bounds(measure)
        if least > most:
            raise UnfitError("least", self.least, f"it is more than most, {self.most}", f"at most {self.most}")
        if self.sigma == 0 and not least <= median <= most:
            raise UnfitError("median", self.median, "it is not between least and most, and sigma is 0")
        if self.sigma and self._within(measure)[2] < RAREST:
            key = "least" if least > median else "most"
            problem = f"hardly any value lies there: less than one of {1 / RAREST:,.0f} with this median and sigma"
            raise UnfitError(key, getattr(self, key), problem)

    def sample(self, draw: Draw) -> np.ndarray:
        (median,) = self.read(draw.measure, "median")
        if self.sigma == 0:
            return np.full(draw.count, median)
        from scipy.special import ndtri  # late: few scenarios need it

        sign, below, mass = self._within(draw.measure)
        normal = sign * ndtri(np.clip(below + mass * shares(draw), 1e-300, 1 - 2.0**-53))
        values: np.ndarray = np.clip(median * np.exp(self.sigma * normal), *self._bounds(draw.measure))
        return values

    def _bounds(self, measure: Measure) -> tuple[float, float]:
        least = next(self.read(measure, "least")) if self.least is not None else 0.0
        most = next(self.read(measure, "most")) if self.most is not None else np.inf
        return least, most

    def _within(self, measure: Measure) -> tuple[int, float, float]:
        """Return a sign, the probability below the range of the normal value times the sign, and that of the range.

        A range above the median is mirrored, because probabilities near 1 cannot be told apart.
        """
        from scipy.special import ndtr

        (median,) = self.read(measure, "median")
        low, high = (
            -np.inf if bound == 0 else log(bound / median) / self.sigma if np.isfinite(bound) else np.inf
            for bound in self._bounds(measure)
        )
        sign = -1 if low > 0 else 1
        if sign < 0:
            low, high = -high, -low
        below = float(ndtr(low))
        return sign, below, float(ndtr(high)) - below
