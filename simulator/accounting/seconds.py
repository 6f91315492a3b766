"""A table of measured times: the seconds that pieces of work took on a machine, by number of samples."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from itertools import pairwise
from math import isfinite
from typing import Any

Rows = tuple[tuple[int, float], ...]
"""Pairs of (samples, seconds), in increasing order of samples."""
Table = Mapping[str, Rows]
"""The measured times by the name of a piece (``accounting.costs.Piece.what``)."""


def interpolated(rows: Rows, samples: int) -> float:
    """Return the seconds for a number of samples, interpolated linearly between the two nearest rows.

    Below the first row and above the last, the line through the two nearest rows goes on. A single row is taken as a
    time proportional to the number of samples. The result is never less than 0.
    """
    if len(rows) == 1:
        rows = ((0, 0.0), *rows)
    right = min(max(bisect_left(rows, (samples, 0.0)), 1), len(rows) - 1)
    (low, before), (high, after) = rows[right - 1], rows[right]
    return max(0.0, before + (after - before) * (samples - low) / (high - low))


def read_table(data: Any) -> dict[str, Rows]:
    """Return the table in the plain data of a file, ``{name of a piece: [[samples, seconds], ...]}``.

    Raises:
        ValueError: the data have another form; the text is one sentence that names the piece and what is wrong.
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
