"""A difference between two selections of the rows of a file of results, paired by seed."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from simulator.experiments.evidence.measures.base import Measure
from simulator.experiments.evidence.measures.trained import in_points
from simulator.settings.base import LocalPath
from simulator.settings.errors import UnfitError
from simulator.settings.wording import listed, near_miss

if TYPE_CHECKING:
    from simulator.experiments.evidence.claims_point import Point

Selection = dict[str, Any]
"""The values that columns must have, by column."""


class Recorded(Measure):
    """The difference of a column between two rows that training left in a CSV file, for each seed.

    Attributes:
        file: the CSV file, with a header and a column ``seed``.
        of, minus: what selects the rows; the values of the claim's condition are added. One row for each seed each.
        column: the column that is compared.
    """

    name: ClassVar[str] = "recorded"
    reads_scenario: ClassVar[bool] = False
    file: LocalPath
    of: Selection
    minus: Selection
    column: str = "settled_accuracy"

    def values(self, point: Point) -> tuple[float, ...]:
        ours, theirs = (self._by_seed(key, dict(point.values)) for key in ("of", "minus"))
        if ours.keys() != theirs.keys():
            problem = f"it has the seeds {listed(ours)}, and what is compared with it {listed(theirs)}"
            raise UnfitError("of", self.of, problem, "rows with the same seeds")
        return tuple(ours[seed] - theirs[seed] for seed in sorted(ours))

    @property
    def missing(self) -> str | None:
        return None if Path(self.file).exists() else self.file

    @property
    def unit(self) -> str:
        return " points"

    def number(self, value: float) -> str:
        return in_points(value)

    def _by_seed(self, key: str, condition: Selection) -> dict[str, float]:
        """Return the column's value for each seed, of the rows that ``of`` or ``minus`` selects."""
        rows, wanted = _rows(self.file), condition | getattr(self, key)
        known = list(rows[0]) if rows else []
        for column in ("seed", self.column, *wanted):
            if column not in known:
                raise UnfitError(key, None, f'{self.file} has no column "{column}"{near_miss(column, known)}')
        selected = [row for row in rows if all(_same(row[column], value) for column, value in wanted.items())]
        seeds = [row["seed"] for row in selected]
        if not selected or len(set(seeds)) < len(seeds):
            how_many = "has no row" if not selected else "has several rows for one seed"
            words = listed(f"{column} {value}" for column, value in wanted.items())
            raise UnfitError(key, None, f"{self.file} {how_many} with {words}")
        return {row["seed"]: float(row[self.column]) for row in selected}


def _rows(file: str) -> list[Mapping[str, str]]:
    try:
        with Path(file).open(newline="", encoding="utf-8") as lines:
            return list(csv.DictReader(lines))
    except OSError as error:
        raise UnfitError("file", file, f"it cannot be read: {error.strerror}") from None


def _same(cell: str, value: Any) -> bool:
    """Return whether a cell holds a value: as a number if both are numbers, otherwise as text."""
    try:
        return float(cell) == float(value)
    except (TypeError, ValueError):
        return cell == ("" if value is None else str(value))
