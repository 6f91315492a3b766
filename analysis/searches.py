"""The folder of a search: its suggestions and its front."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import nan
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.axes import short_names
from analysis.quantities import Measure, kind_of, name_of
from analysis.reading import RunError, check_folder, read_csv, read_yaml
from analysis.tasks import CLASSIFICATION, worded
from simulator.settings.humanize import human
from simulator.settings.units import TIMES, amount

COLUMNS = ("suggestion", "label", "status", "front", "repeats", "trials", "message")
"""The columns that ``suggestions.csv`` always has; each key of the space and each figure has one, too."""
NUMBER = ": number"
"""What follows the name of a key in that of the column with its numbers, in the unit of its values."""


@dataclass(frozen=True)
class Search:
    """A search as it was read from its folder.

    Attributes:
        folder: the folder.
        plan: the content of ``search.yaml``.
        table: a row for each suggestion, without those that came back to a known point.
    """

    folder: Path
    plan: Mapping[str, Any]
    table: pd.DataFrame

    @property
    def name(self) -> str:
        """The name of the search."""
        return str(self.plan.get("name", self.folder.name))

    @cached_property
    def objectives(self) -> list[Measure]:
        """The objectives, in their order. That of a key of the space is its number, in the unit of its values."""
        said = [(str(figure), way == "maximise") for each in self.plan["objectives"] for way, figure in each.items()]
        return [
            Measure(figure + NUMBER, self._key_called(figure), "count", more)
            if figure in self.keys
            else Measure(figure, self.called(figure), kind_of(figure), more)
            for figure, more in said
        ]

    @cached_property
    def figures(self) -> list[str]:
        """The objectives and the constrained figures, without keys of the space."""
        names = dict.fromkeys([*(each.column for each in self.objectives), *(self.plan.get("constraints") or {})])
        return [name for name in names if not name.endswith(NUMBER)]

    @cached_property
    def keys(self) -> dict[str, str]:
        """The keys of the space, each with its short name."""
        return short_names([str(key) for key in self.plan["space"]])

    def called(self, figure: str) -> str:
        """Return what a figure is called; accuracy is that of tokens where models predict them."""
        return worded(name_of(figure), str(self.plan.get("task", CLASSIFICATION)))

    @property
    def done(self) -> pd.DataFrame:
        """The points that are done and keep all constraints."""
        return self.table[self.table["status"] == "done"]

    @property
    def front(self) -> pd.DataFrame:
        """The points on the front, the best in the first objective first."""
        return self.table[self.table["front"].notna()].sort_values(["front", "suggestion"])

    def _key_called(self, key: str) -> str:
        units = {parsed[1] for text in self.table[key] if (parsed := _amount(text))}
        return f"{self.keys[key]} ({', '.join(units)})" if any(units) else self.keys[key]

    def named(self, row: Mapping[Any, Any]) -> str:
        """Return a point in words, with its algorithm where the search chooses among several."""
        several = len(self.plan.get("algorithm") or ()) > 1
        return ", ".join([str(row["label"])] * several + [f"{name} {row[key]}" for key, name in self.keys.items()])

    def reached(self, row: Mapping[Any, Any]) -> list[str]:
        """Return the figures of a point in words, in the order of ``figures``."""
        return [human(kind_of(name), row[name]) for name in self.figures]


def load_search(folder: str | Path) -> Search:
    """Read the folder of a search.

    Raises:
        RunError: there is no search in it, or a file of it cannot be read.
    """
    folder = Path(folder)
    check_folder(folder)
    plan = read_yaml(folder / "search.yaml")
    if not isinstance(plan.get("space"), dict) or not isinstance(plan.get("objectives"), list):
        raise RunError(f"{folder / 'search.yaml'}: it has no space, or no objectives")
    words = frozenset({"label", "status", "trials", "message", *map(str, plan["space"])})
    table = read_csv(folder / "suggestions.csv", COLUMNS, words=words)
    table = table[table["repeats"].isna()].reset_index(drop=True)
    for key in plan["space"]:
        numbers = [float(parsed[0]) if (parsed := _amount(text)) else nan for text in table[str(key)]]
        table[f"{key}{NUMBER}"] = pd.Series(numbers, table.index, "float64")
    return Search(folder, plan, table)


def _amount(text: object) -> tuple[Fraction, str] | None:
    """Return the number and the unit of a value of the space; None if it is none."""
    return amount(str(text).removeprefix(TIMES))
