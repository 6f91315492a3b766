"""The labels of multiple choice: which choice is right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from simulator.learning.data.datasets.labels import Column

MOST_CHOICES = 1000
ALLOWED = "numbers from 0, or letters from A"


def numbered_choices(columns: Sequence[Column], choices: int = 1) -> tuple[list[np.ndarray], tuple[str, ...]]:
    """Return the numbers of the right choices, int64 [N] for each column, and a name for each choice.

    Unlike classes, choices are not numbered in the order of what occurs: a file need not have a question of which the
    first choice is right.

    Args:
        columns: the labels: whole numbers from 0, also as text, or letters from A.
        choices: how many columns of choices there are. Each of several is a choice; a single one has lists, which are
            not read here.

    Raises:
        UnfitError: a label is something else or has no choice, or numbers and letters are mixed.
    """
    arrays, letters = [], {True: False, False: False}
    for column in columns:
        numbers = np.empty(len(column.values), np.int64)
        for row, value in enumerate(column.values):
            number = _number(value)
            if number is None or not number < MOST_CHOICES:
                why = "it is missing" if value is None else "it does not say which choice is right"
                raise column.refuse(row, why, ALLOWED)
            if 1 < choices <= number:
                raise column.refuse(row, f"there are {choices} choices", f"0 to {choices - 1}, or letters from A")
            numbers[row] = number
            letters[_is_letter(value)] = True
            if all(letters.values()):
                raise column.refuse(row, "others are of another kind", ALLOWED)
        arrays.append(numbers)
    count = 1 + max((int(numbers.max()) for numbers in arrays if len(numbers)), default=0)
    return arrays, tuple(str(number) for number in range(count))


def _is_letter(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[A-Z]", value) is not None


def _number(value: Any) -> int | None:
    """Return the number that a label means; None if it means none."""
    if _is_letter(value):
        return ord(value) - ord("A")
    if isinstance(value, str) and re.fullmatch("[0-9]{1,4}", value):
        return int(value)
    return value if type(value) is int and value >= 0 else None
