"""The tables of a report: a row for each label, and columns of measures in groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from analysis.measures import Column
from analysis.report_page import Swatch


@dataclass(frozen=True)
class Table:
    """A table of a report: a row per label, and columns in groups.

    Attributes:
        swatches: the labels, in the order of the run, as figures draw them.
        columns: the measures, as `measure_columns` or `equal_budgets` returns them.
    """

    swatches: Sequence[Swatch]
    columns: Sequence[Column]

    @property
    def labels(self) -> list[str]:
        """The labels, in the order of the run."""
        return [swatch.label for swatch in self.swatches]

    @property
    def groups(self) -> list[tuple[str, int]]:
        """The names of the groups, and how many columns each spans."""
        return [(name, len(list(columns))) for name, columns in groupby(column.group for column in self.columns)]

    @property
    def first(self) -> list[bool]:
        """Whether each column is the first of its group."""
        names = [column.group for column in self.columns]
        return [index == 0 or names[index - 1] != name for index, name in enumerate(names)]
