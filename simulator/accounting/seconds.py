"""Tables by the number of samples: the seconds that pieces of work took on a machine, and its efficiency."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from simulator.settings.bounds import LIMITS, MOST_SAMPLES

MOST_SECONDS = LIMITS["a duration"].most
Rows = tuple[tuple[int, float], ...]
"""Pairs of (samples, seconds) or (samples, efficiency), in increasing order of samples."""
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


def interpolated_within(rows: Rows, samples: int) -> float:
    """Return the value for a number of samples, interpolated linearly; outside of the rows, that of the nearest one."""
    samples = min(max(samples, rows[0][0]), rows[-1][0])
    right = bisect_left(rows, (samples, -1.0))
    if rows[right][0] == samples:
        return rows[right][1]
    (low, before), (high, after) = rows[right - 1], rows[right]
    return before + (after - before) * (samples - low) / (high - low)


def read_efficiency(data: Any) -> Rows:
    """Return the rows in the plain data of a file, ``[[samples, efficiency], ...]``.

    Raises:
        ValueError: the data have another form, or the efficiency falls; the text is one sentence.
    """
    example = "a list of [samples, efficiency], such as [[1, 0.3], [32, 1]]: whole samples of at least 1"
    if not isinstance(data, list | tuple) or not data or not all(map(_is_row, data)):
        raise ValueError(f"it must be {example}")
    rows = tuple((samples, float(efficiency)) for samples, efficiency in data)
    if not all(0 < efficiency <= 1 for _, efficiency in rows):
        raise ValueError("an efficiency is a share of the best rate: more than 0, and at most 1")
    for before, after in pairwise(rows):
        if after[0] <= before[0]:
            raise ValueError("its rows must be in the order of their samples, each number of samples once")
        if after[1] < before[1]:
            text = f"the efficiency falls from {before[1]:g} at {before[0]} samples to {after[1]:g} at {after[0]}"
            raise ValueError(f"{text}: a larger batch can be computed in parts, so it must not fall")
        if after[1] * before[0] > before[1] * after[0]:
            text = f"with the efficiency {after[1]:g} at {after[0]} samples after {before[1]:g} at {before[0]}"
            raise ValueError(f"{text}, the larger batch would take less time than the smaller one")
    return rows


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
    return 1 <= samples <= MOST_SAMPLES and 0 <= seconds <= MOST_SECONDS
