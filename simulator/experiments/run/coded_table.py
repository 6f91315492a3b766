"""Tables of many rows whose cells repeat, in columns, and the lines of their CSV files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

_AT_ONCE = 65_536
"""How many lines are held at once."""


class Cells(NamedTuple):
    """Neighbouring cells of a table that always occur together.

    Attributes:
        values: the distinct ones, each with a value for each of its columns.
        codes: for each row, which of ``values`` it has, integers [rows].
    """

    values: Sequence[tuple[Any, ...]]
    codes: np.ndarray


@dataclass(frozen=True)
class CodedTable:
    """A table in which each combination of cells is held, and made a text, only once, however often it occurs.

    Attributes:
        columns: the names of the columns.
        cells: their cells, from left to right.
    """

    columns: tuple[str, ...]
    cells: tuple[Cells, ...]

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """All rows, with a value for each column; slow where there are many."""
        columns = [[values[code] for code in codes.tolist()] for values, codes in self.cells]
        return [sum(parts, ()) for parts in zip(*columns, strict=True)]

    def lines(self, text: Callable[[Any], str]) -> Iterator[Sequence[str]]:
        """Yield the lines of a CSV file, some at a time.

        Args:
            text: returns a cell as it is written.
        """
        last = len(self.cells) - 1
        texts = [
            np.array([",".join(map(text, value)) + (",\n"[at == last]) for value in values], dtype=object)
            for at, (values, _) in enumerate(self.cells)
        ]
        for first in range(0, len(self.cells[0].codes), _AT_ONCE):
            lines = ""
            for own, (_, codes) in zip(texts, self.cells, strict=True):
                lines = lines + own[codes[first : first + _AT_ONCE]]
            yield lines
