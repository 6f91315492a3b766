"""The contract of distributions, from which a figure is drawn for each device of a population."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import PlainValidator, WithJsonSchema

from simulator.settings.base import Settings
from simulator.settings.errors import UnfitError
from simulator.settings.units import Quantity

if TYPE_CHECKING:
    from simulator.world.distributions.table import DeviceTable


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


@dataclass(frozen=True)
class Draw:
    """The devices for which a figure is drawn.

    Attributes:
        count: how many devices there are.
        stream: a random stream of this figure's own.
        measure: what the figure is measured in.
        table: the table of the population; None if it has none.
        rows: for each device, the number of its row in the table, int64 [count]; empty without a table.
    """

    count: int
    stream: np.random.Generator
    measure: Measure
    table: DeviceTable | None
    rows: np.ndarray


class Distribution(Settings):
    """A distribution from which a figure is drawn for each device.

    Attributes:
        from_table: whether it takes its values from the population's table.
    """

    name: ClassVar[str]
    from_table: ClassVar[bool] = False

    def check(self, measure: Measure, table: DeviceTable | None) -> None:
        """Check that values can be drawn for a figure of this measure.

        Args:
            measure: what the figure is measured in.
            table: the table of the population; None if it has none.

        Raises:
            UnfitError: a setting has the wrong unit, or allows values that make no sense; the key is that of the
                setting.
        """
        raise NotImplementedError

    def sample(self, draw: Draw) -> np.ndarray:
        """Return a value for each device, float64 [count], in SI units.

        They are drawn one after the other, so that the first of them are the same whatever the number of devices.

        Args:
            draw: the devices, and the random stream.
        """
        raise NotImplementedError

    def read(self, measure: Measure, *keys: str) -> Iterator[float]:
        """Yield the values of these settings in SI units.

        Raises:
            UnfitError: one of them cannot be read.
        """
        for key in keys:
            value = getattr(self, key)
            try:
                yield measure.read(value)
            except ValueError as error:
                raise UnfitError(key, value, str(error)) from None


def shares(draw: Draw) -> np.ndarray:
    """Return a number in (0, 1) for each device: float64 [count], a random value for each in turn."""
    return np.maximum(draw.stream.random(draw.count), 2.0**-54)


def _amount(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("it must be a number, or text with a number and a unit, such as 20 Mbit/s")
    return value


Amount = Annotated[Any, PlainValidator(_amount), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}]})]
"""A value of the figure that is drawn, with its unit; of figures that have none, a number."""
