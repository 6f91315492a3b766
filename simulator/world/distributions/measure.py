"""What a figure of a device is measured in."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

from simulator.settings.units import Quantity


@dataclass(frozen=True)
class Measure:
    """What a figure is measured in: a quantity with units, or a plain number.

    Attributes:
        quantity: the quantity; None for a plain number.
        most: the largest plain number.
        least: the smallest one.
    """

    quantity: Quantity | None = None
    most: float = 1e12
    least: float = 1e-12

    def read(self, value: Any) -> float:
        """Return a value as it was written in SI units, or a plain number.

        Raises:
            ValueError: it has the wrong unit, is zero or negative where that makes no sense, or is beyond the bounds.
        """
        if self.quantity is not None:
            return self.quantity.parse(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError("it must be a number, without a unit")
        self.check(value)
        return float(value)

    def check(self, value: float) -> None:
        """Raise ``ValueError`` if a value in SI units makes no sense for this figure."""
        if not isfinite(value):
            raise ValueError("it must be a finite number")
        zero_allowed = self.quantity is not None and not self.quantity.positive
        if value < 0 or (value == 0 and not zero_allowed):
            raise ValueError(f"it must be {'0 or more' if zero_allowed else 'more than 0'}")
        if self.quantity is not None:
            self.quantity.check(value)
        elif value > self.most:
            raise ValueError(f"it must be at most {self.most:,g}")
        elif value < self.least:
            raise ValueError(f"it must be at least {self.least:,g}")

    def written(self, value: float) -> str:
        """Return a value in SI units for a message; unlike what a scenario has, it may be infinite."""
        return f"{value:g}" if self.quantity is None else f"{value:g} {self.quantity.written[-1]}"
