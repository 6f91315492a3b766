"""The contract of distributions, from which a figure is drawn for each device of a population."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import PlainValidator, WithJsonSchema

from simulator.settings.base import Settings
from simulator.settings.errors import UnfitError
from simulator.world.distributions.measure import Measure
from simulator.world.distributions.table import DeviceTable


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
