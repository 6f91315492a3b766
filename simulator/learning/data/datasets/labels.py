"""How labels of any kind become 0 .. classes - 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from simulator.settings.errors import UnfitError
from simulator.settings.wording import shown


class Column(NamedTuple):
    """Labels as they were found: plain Python values, and the file they are from."""

    file: str
    values: Sequence[Any]

    def refuse(self, row: int, why: str, allowed: str | None = None) -> UnfitError:
        problem = f"{self.file}, row {row} (from 0), has the label {shown(self.values[row])}: {why}"
        return UnfitError("label", None, problem, allowed)


def numbered(
    columns: Sequence[Column], names: Sequence[str] = (), classes: int | None = None
) -> tuple[list[np.ndarray], tuple[str, ...]]:
    """Number the labels of all columns alike.

    Args:
        columns: of whole numbers from 0, or of text or of true and false, which are numbered in sorted order.
        names: of the classes, by number, where they are known.
        classes: how many there are; where neither this nor ``names`` says so, as many as occur.

    Returns:
        int64 labels of each column, and the name of each class.

    Raises:
        UnfitError: a label is missing, of another kind, or outside the range.
    """
    kinds = {type(value) for column in columns for value in column.values}
    if kinds <= {int}:
        count = classes or len(names) or _occurring(columns)
        for column in columns:
            outside = next((row for row, value in enumerate(column.values) if not 0 <= value < count), None)
            if outside is not None:
                negative = column.values[outside] < 0
                why = "classes are numbered from 0" if negative else f"there are {count} classes"
                raise column.refuse(outside, why, f"0 to {count - 1}")
        arrays = [np.array(column.values, dtype=np.int64) for column in columns]
        return arrays, tuple(names[i] if i < len(names) else str(i) for i in range(count))
    if kinds not in ({str}, {bool}):
        raise _odd_one(columns)
    found = sorted({value for column in columns for value in column.values})
    if classes is not None and len(found) > classes:
        raise UnfitError("classes", classes, f"{len(found)} different labels occur", f"at least {len(found)}, or null")
    number = {value: index for index, value in enumerate(found)}
    arrays = [np.array([number[value] for value in column.values], dtype=np.int64) for column in columns]
    known = [str(value).lower() if kinds == {bool} else value for value in found]
    return arrays, tuple(known + [str(unseen) for unseen in range(len(found), classes or 0)])


def _occurring(columns: Sequence[Column]) -> int:
    """How many classes there are, if nobody says so: each has a sample."""
    found = {value for column in columns for value in column.values if value >= 0}
    missing = next((label for label in range(len(found)) if label not in found), None)
    if missing is not None:
        problem = f"labels go up to {max(found)}, but none is {missing}: say how many classes there are"
        raise UnfitError("classes", None, problem, f"{max(found) + 1} or more; or labels from 0 without a gap")
    return max(len(found), 1)


def _odd_one(columns: Sequence[Column]) -> UnfitError:
    """The first label that is of no kind that we know, or of another kind than the first."""
    first = next(type(column.values[0]) for column in columns if len(column.values))
    for column in columns:
        for row, value in enumerate(column.values):
            if type(value) not in (int, str, bool):
                why = "it is missing" if value is None else "that is no label"
                return column.refuse(row, why, "whole numbers from 0, text, or true and false")
            if type(value) is not first:
                return column.refuse(row, "others are of another kind", "labels of one kind")
    raise AssertionError("every label is of one kind that we know")
