"""Figures from a column of a table of devices."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from simulator.settings.errors import UnfitError
from simulator.settings.wording import listed
from simulator.world.distributions.base import Distribution, Draw
from simulator.world.distributions.measure import Measure
from simulator.world.distributions.table import DeviceTable


class Column(Distribution):
    """A column of the population's `table`, of which each device takes a row: the same for all its columns.

    Attributes:
        column: the heading of the column.
        unit: the unit of its numbers; null: each cell has its own, such as "20 Mbit/s". The figures `power` and
            `samples` have none.
    """

    name: ClassVar[str] = "column"
    from_table: ClassVar[bool] = True
    column: str
    unit: str | None = None

    def check(self, measure: Measure, table: DeviceTable | None) -> None:
        if table is None:
            problem = "the population has no table to take it from"
            raise UnfitError("column", self.column, problem, "table: FILE.csv in the population")
        units = measure.quantity.units if measure.quantity else {}
        if self.unit is not None and self.unit not in units:
            of = measure.quantity.name.split(maxsplit=1)[1] if measure.quantity else "this figure, which has none"
            raise UnfitError("unit", self.unit, f"it is not a unit of {of}", listed(units) if units else "null")
        table.values(self.column, measure, self.unit)

    def sample(self, draw: Draw) -> np.ndarray:
        assert draw.table is not None, "checked"
        values: np.ndarray = draw.table.values(self.column, draw.measure, self.unit)[draw.rows]
        return values
