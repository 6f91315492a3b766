"""Sums of columns by group: exact, so that they depend neither on the order of the rows nor on the chunks.

A sum of floats is kept as a whole number of ``UNIT``; ``rounded`` gives the float that is nearest to it, as
``math.fsum`` does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simulator.accounting.columns.reading import Floats, Ints

_BITS = 1126
"""A float is a whole number of 2 ** -1126: its 53 bits, below the smallest exponent."""
_MANTISSA, _SMALLEST = 53, 1073
_LOW = 27
"""The bits of a mantissa that are summed apart from the others: so 2 ** 26 rows cannot exceed 53 bits."""
_PART = 22
"""The bits of a whole number that are summed at once: so 2 ** 31 rows cannot exceed 53 bits."""


def rounded(total: int) -> float:
    """Return an exact sum of floats as the nearest float."""
    return total / (1 << _BITS)


def float_sums(groups: Ints, values: Floats, count: int) -> list[int]:
    """Return the exact sum of the values of each group, for ``rounded``.

    Args:
        groups: the group of each value, from 0.
        values: finite numbers.
        count: how many groups there are.
    """
    sums = [0] * count
    some = values != 0
    if not some.all():
        groups, values = groups[some], values[some]
    if not len(values):
        return sums
    mantissas, exponents = np.frexp(values)
    whole = (mantissas * float(1 << _MANTISSA)).astype(np.int64)
    least = int(exponents.min())
    span = int(exponents.max()) - least + 1
    cells = groups * span + (exponents - least)
    numbers: Any = None
    if count * span > 4 * len(cells) + 4096:
        numbers, cells = np.unique(cells, return_inverse=True)
    high = np.bincount(cells, weights=whole >> _LOW)
    low = np.bincount(cells, weights=whole & ((1 << _LOW) - 1))
    filled = np.flatnonzero((high != 0) | (low != 0))
    keys = filled if numbers is None else numbers[filled]
    for key, upper, lower in zip(keys.tolist(), high[filled].tolist(), low[filled].tolist(), strict=True):
        group, exponent = divmod(key, span)
        sums[group] += ((int(upper) << _LOW) + int(lower)) << (exponent + least + _SMALLEST)
    return sums


def int_sums(groups: Ints, values: Any, count: int) -> list[int]:
    """Return the sum of the whole numbers of each group, however large.

    Args:
        groups: the group of each number, from 0.
        values: the numbers.
        count: how many groups there are.
    """
    sums = [0] * count
    if values.dtype == object:
        for group, value in zip(groups.tolist(), values.tolist(), strict=True):
            sums[group] += value
        return sums
    some = values != 0
    if not some.all():
        groups, values = groups[some], values[some]
    for part in range(3 if len(values) else 0):
        piece = values >> (part * _PART)
        if part < 2:
            piece = piece & ((1 << _PART) - 1)
        found = np.bincount(groups, weights=piece, minlength=count)
        for group in np.flatnonzero(found).tolist():
            sums[group] += int(found[group]) << (part * _PART)
    return sums


def one_by_one(before: float, values: Floats) -> float:
    """Return a sum that adds values in their order, each rounded, to what there was before."""
    return float(np.add.accumulate(np.concatenate(([before], values)))[-1])


def grouped(keys: Ints) -> tuple[Ints, Ints]:
    """Return the distinct keys in order, and for each key its place among them.

    Args:
        keys: whole numbers of at least 0.
    """
    most = int(keys.max()) if len(keys) else 0
    if most > 4 * len(keys) + 4096:
        distinct, places = np.unique(keys, return_inverse=True)
        return distinct, places
    there = np.zeros(most + 1, np.bool_)
    there[keys] = True
    distinct = np.flatnonzero(there)
    numbers = np.zeros(most + 1, np.int64)
    numbers[distinct] = np.arange(len(distinct))
    return distinct, numbers[keys]
