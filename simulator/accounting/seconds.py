"""A machine's own table: the seconds that pieces of work took on it, by the number of samples."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from itertools import pairwise
from math import isfinite
from typing import Any

Rows = tuple[tuple[int, float], ...]
"""(samples, seconds), samples growing."""
Table = Mapping[str, Rows]
"""By the name of a piece (``accounting.costs.Piece.what``)."""


def interpolated(rows: Rows, samples: int) -> float:
    """Seconds for so many samples: on the line through the two nearest rows, also beyond the first and the last.

    One row alone is taken as so many seconds a sample. Never less than 0.
    """
    if len(rows) == 1:
        rows = ((0, 0.0), *rows)
    right = min(max(bisect_left(rows, (samples, 0.0)), 1), len(rows) - 1)
    (low, before), (high, after) = rows[right - 1], rows[right]
    return max(0.0, before + (after - before) * (samples - low) / (high - low))


def read_table(data: Any) -> dict[str, Rows]:
    """The table that a file says: ``{name of a piece: [[samples, seconds], ...]}``.

    Raises:
        ValueError: it is no such thing; one sentence that says which piece, and what is wrong.
    """
    if not isinstance(data, Mapping) or not data:
        raise ValueError("a table must be a mapping of pieces of work to their [samples, seconds]")
    return {str(what): _rows(str(what), rows) for what, rows in data.items()}


def _rows(what: str, data: Any) -> Rows:
    if not isinstance(data, list | tuple) or not data or not all(_is_row(row) for row in data):
        raise ValueError(
            f'its "{what}" must be a list of [samples, seconds], such as [[1, 0.002], [32, 0.04]]: whole samples of at '
            "least 1, seconds of 0 or more"
        )
    rows = tuple((samples, float(seconds)) for samples, seconds in data)
    if any(after[0] <= before[0] for before, after in pairwise(rows)):
        raise ValueError(f'its "{what}" must have its rows in the order of their samples, each number of samples once')
    return rows


def _is_row(row: Any) -> bool:
    if not isinstance(row, list | tuple) or len(row) != 2 or any(isinstance(value, bool) for value in row):
        return False
    samples, seconds = row
    if not isinstance(samples, int) or not isinstance(seconds, int | float):
        return False
    return samples >= 1 and isfinite(seconds) and seconds >= 0
