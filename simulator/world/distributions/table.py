"""A table of devices: a CSV file with a row for each device and a column for each figure."""

from __future__ import annotations

import csv
import os
from functools import lru_cache

import numpy as np

from simulator.settings.errors import UnfitError
from simulator.settings.wording import clipped, listed, near_miss
from simulator.world.distributions.measure import Measure


class DeviceTable:
    """The table in a CSV file, as it was when it was read. Rows are numbered from 0.

    Args:
        path: the file. Its first line has the headings of the columns.

    Raises:
        UnfitError: it cannot be read, or has no rows; the key is ``table``.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self._changed = os.path.getmtime(path)
            self._headings, self._lines, self._cells = _read(path, self._changed)
        except (OSError, csv.Error, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            if isinstance(error, UnicodeDecodeError):
                reason = "it is not UTF-8 text"
            raise UnfitError("table", path, f"it cannot be read as a table of devices: {reason}") from None

    def __len__(self) -> int:
        return len(self._lines)

    def values(self, column: str, measure: Measure, unit: str | None) -> np.ndarray:
        """Return a column in SI units, float64 [rows].

        Args:
            column: its heading.
            measure: what its figures are measured in.
            unit: the unit of its numbers; None: each cell has its own, or the measure has none.

        Raises:
            UnfitError: there is no such column, or a cell is not a value of this measure; the key is ``column``.
        """
        if column not in self._headings:
            problem = f"{os.path.basename(self.path)} has no such column{near_miss(column, self._headings)}"
            raise UnfitError("column", column, problem, listed(map(clipped, self._headings)))
        try:
            return _values(self.path, self._changed, column, measure, unit)
        except ValueError as error:
            raise UnfitError("column", column, f"{os.path.basename(self.path)}, {error}") from None


@lru_cache(maxsize=4)
def _read(path: str, changed: float) -> tuple[list[str], list[int], list[tuple[str, ...]]]:
    """Return the headings of a file that was changed last at this time, the line of each row, and the columns.

    Raises:
        ValueError: it is no table; the message names the line.
    """
    lines, rows = [], []
    with open(path, newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        headings = [name.strip() for name in next(reader, [])]
        if not any(headings):
            raise ValueError("its first line must have the headings of the columns")
        if twice := [name for name in headings if headings.count(name) > 1]:
            raise ValueError(f'two columns have the heading "{clipped(twice[0])}"')
        for row in reader:
            if not row:
                continue
            if len(row) != len(headings):
                raise ValueError(f"line {reader.line_num} has {len(row)} values, and the header has {len(headings)}")
            lines.append(reader.line_num)
            rows.append(row)
    if not rows:
        raise ValueError("it has no rows, so no device could be drawn")
    return headings, lines, list(zip(*rows, strict=True))


@lru_cache(maxsize=32)
def _values(path: str, changed: float, column: str, measure: Measure, unit: str | None) -> np.ndarray:
    """Return a column in SI units.

    Raises:
        ValueError: a cell is not a value of this measure; the message names the line.
    """
    headings, lines, columns = _read(path, changed)
    cells = columns[headings.index(column)]
    values = _at_once(cells, measure, unit) if unit is not None or measure.quantity is None else None
    if values is None:
        values = _one_by_one(cells, lines, column, measure, unit)
    values.flags.writeable = False
    return values


def _at_once(cells: tuple[str, ...], measure: Measure, unit: str | None) -> np.ndarray | None:
    """Return numbers in SI units, fast; None if one of them is no value of this measure."""
    factor = float(measure.quantity.units[unit]) if measure.quantity and unit else 1.0
    try:
        values: np.ndarray = np.array(cells, dtype=np.float64) * factor
        measure.check(float(values.min()))
        measure.check(float(values.max()))
    except ValueError:
        return None
    return values


def _one_by_one(
    cells: tuple[str, ...], lines: list[int], column: str, measure: Measure, unit: str | None
) -> np.ndarray:
    values = np.empty(len(lines))
    for row, cell in enumerate(cells):
        try:
            values[row] = _value(cell.strip(), measure, unit)
        except ValueError as error:
            given = f'"{clipped(cell.strip(), 40)}"' if cell.strip() else "empty"
            raise ValueError(f"line {lines[row]}: {clipped(column)} is {given}: {error}") from None
    return values


def _value(cell: str, measure: Measure, unit: str | None) -> float:
    if not cell:
        raise ValueError("every device needs a value")
    if measure.quantity is None:
        value = _number(cell)
        measure.check(value)
        return value
    if unit is not None:
        _number(cell)
        return measure.quantity.parse(f"{cell} {unit}")
    return measure.quantity.parse(cell)


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise ValueError("it must be a number") from None
