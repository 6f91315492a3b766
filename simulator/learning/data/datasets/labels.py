"""Labels of any kind, mapped to 0 .. classes - 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from simulator.settings.errors import UnfitError
from simulator.settings.wording import shown


class Column(NamedTuple):
    """The labels of one file as they were read.

    Attributes:
        file: the path of the file.
        values: the labels as plain Python values.
    """

    file: str
    values: Sequence[Any]

    def refuse(self, row: int, why: str, allowed: str | None = None) -> UnfitError:
        """Return the error for the label in a row.

        Args:
            row: the row, counted from 0.
            why: what is wrong with the label.
            allowed: what is allowed instead.
        """
        problem = f"{self.file}, row {row} (from 0), has the label {shown(self.values[row])}: {why}"
        return UnfitError("label", None, problem, allowed)


def numbered(
    columns: Sequence[Column], names: Sequence[str] = (), classes: int | None = None
) -> tuple[list[np.ndarray], tuple[str, ...]]:
    """Number the labels of several columns by the same rule.

    Args:
        columns: the labels, all of one kind: whole numbers from 0, or text, or true and false. The latter two are
            numbered in sorted order.
        names: the names of the classes by number, as far as they are known.
        classes: how many classes there are; None: as many as there are names or, without names, as many as occur.

    Returns:
        The labels of each column, int64 [N], and the name of each class.

    Raises:
        UnfitError: a label is missing, of another kind, or outside of the range.
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
        raise _odd_label(columns)
    distinct = sorted({value for column in columns for value in column.values})
    if classes is not None and len(distinct) > classes:
        problem = f"{len(distinct)} different labels occur"
        raise UnfitError("classes", classes, problem, f"at least {len(distinct)}, or null")
    number = {value: index for index, value in enumerate(distinct)}
    arrays = [np.array([number[value] for value in column.values], dtype=np.int64) for column in columns]
    known = [str(value).lower() if kinds == {bool} else value for value in distinct]
    return arrays, tuple(known + [str(unseen) for unseen in range(len(distinct), classes or 0)])


def _occurring(columns: Sequence[Column]) -> int:
    """Return the number of classes where it is not given; every class must then have a sample."""
    labels = {value for column in columns for value in column.values if value >= 0}
    missing = next((label for label in range(len(labels)) if label not in labels), None)
    if missing is not None:
        problem = f"labels go up to {max(labels)}, but none is {missing}: say how many classes there are"
        raise UnfitError("classes", None, problem, f"{max(labels) + 1} or more; or labels from 0 without a gap")
    return max(len(labels), 1)


def _odd_label(columns: Sequence[Column]) -> UnfitError:
    """Return the error for the first label of an unknown kind, or of another kind than the first label."""
    first = next(type(column.values[0]) for column in columns if len(column.values))
    for column in columns:
        for row, value in enumerate(column.values):
            if type(value) not in (int, str, bool):
                why = "it is missing" if value is None else "that is not a label"
                return column.refuse(row, why, "whole numbers from 0, text, or true and false")
            if type(value) is not first:
                return column.refuse(row, "others are of another kind", "labels of one kind")
    raise AssertionError("every label is of one kind that we know")
