"""Stretches of time in columns: their union by engine or site, and what lies before a moment or outside of others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from simulator.accounting.columns.reading import Floats, Ints
from simulator.accounting.use import RESOLUTION

_SLICE = 65_536
"""How many values are taken at once."""
_LONG = 64
"""Of more values than this, those of a key are taken at once; of fewer, the n-th of all keys are."""


class Parts(NamedTuple):
    """Parts of stretches that do not overlap, by key.

    Attributes:
        places: for each part, the place of its stretch among those that were given.
        keys: its key.
        begins, ends: when it begins and ends, in seconds of the clock.
        seconds: how long it lasts.
    """

    places: Ints
    keys: Any
    begins: Floats
    ends: Floats
    seconds: Floats


def covered(keys: Any, starts: Floats, ends: Floats, *ties: Any) -> Parts:
    """Return, for each key, the union of its stretches as parts that do not overlap, in order.

    Time that several stretches cover belongs to the one that starts first; of these, to the one that ends first.

    Args:
        keys: what each stretch belongs to, such as the number of an engine.
        starts, ends: when it begins and ends, in seconds of the clock.
        ties: what tells stretches apart that begin and end together, the most important first.
    """
    order = np.lexsort((*reversed(ties), ends, starts, keys))
    keys, starts, ends = keys[order], starts[order], ends[order]
    begins = _begins(keys, starts, ends)
    seconds = ends - begins
    some = seconds > 0
    if some.all():  # as nearly always: no copies of what may be millions
        return Parts(order, keys, begins, ends, seconds)
    return Parts(order[some], keys[some], begins[some], ends[some], seconds[some])


def _begins(keys: Any, starts: Floats, ends: Floats) -> Floats:
    """Return from when on each stretch adds to those before it with the same key; all are in order."""
    same = keys[1:] == keys[:-1]
    meets = same & (starts[1:] < ends[:-1])
    if not meets.any():
        return starts
    numbers = np.zeros(len(keys), np.int32)
    np.cumsum(~same, out=numbers[1:])
    crowded = np.zeros(numbers[-1] + 1, np.bool_)
    crowded[numbers[1:][meets]] = True
    rows = np.flatnonzero(crowded[numbers])
    found, last, until = starts.copy(), -1, float("-inf")
    for first in range(0, len(rows), _SLICE):
        some = rows[first : first + _SLICE]
        own, latest = numbers[some], ends[some]
        before = np.full(len(some), -np.inf)
        if own[0] == last:
            before[0], latest[0] = until, max(until, latest[0])
        _accumulate(np.maximum, own, latest)
        same = np.flatnonzero(own[1:] == own[:-1])
        before[same + 1] = latest[same]
        found[some] = np.maximum(starts[some], before)
        last, until = own[-1], latest[-1]
    return found


def accumulated(operation: Any, keys: Any, values: Floats) -> Floats:
    """Return for each value what an operation makes of those of its key up to it, one after another.

    Args:
        operation: a binary function of NumPy, such as ``np.add``: sums are rounded as those of a loop are.
        keys: the key of each value, sorted.
        values: the values.
    """
    found = np.array(values, np.float64)
    for first in range(0, len(found), _SLICE):
        own = slice(first, first + _SLICE)
        if first and keys[first] == keys[first - 1]:
            found[first] = operation(found[first - 1], found[first])
        _accumulate(operation, keys[own], found[own])
    return found


def _accumulate(operation: Any, keys: Any, values: Floats) -> None:
    """Do what ``accumulated`` does in place, for some thousands of values."""
    firsts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    counts = np.diff(np.append(firsts, len(values)))
    long = counts > _LONG
    for first, count in zip(firsts[long].tolist(), counts[long].tolist(), strict=True):
        operation.accumulate(values[first : first + count], out=values[first : first + count])
    firsts, counts = firsts[~long], counts[~long]
    for place in range(1, int(counts.max(initial=0))):
        firsts, counts = firsts[counts > place], counts[counts > place]
        at = firsts + place
        values[at] = operation(values[at - 1], values[at])


def batches(columns: Sequence[Any], count: int, most: int) -> Iterator[tuple[int, int, list[Ints]]]:
    """Yield ranges of keys with about so many stretches: the first key, the one after the last, and the rows of each.

    Args:
        columns: the keys of stretches, from 0; in several columns, each of which has its rows.
        count: how many keys there are.
        most: how many stretches a range may have, unless it is that of one key.
    """
    counts = np.zeros(count, np.int64)
    for keys in columns:
        counts += np.bincount(keys, minlength=count)
    until, first = np.cumsum(counts), 0
    while first < count:
        already = int(until[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(until, already + most, side="right")))
        yield first, last, [np.flatnonzero((keys >= first) & (keys < last)) for keys in columns]
        first = last


def bounds(keys: Any, count: int) -> Ints:
    """Return where each key from 0 to ``count`` begins in a sorted column."""
    return np.searchsorted(keys, np.arange(count + 1))


def running(keys: Any, seconds: Floats) -> Floats:
    """Return for each part the sum of the seconds of its key up to it; keys are sorted, and parts added in order."""
    return accumulated(np.add, keys, seconds)


def bisected(values: Floats, low: Ints, high: Ints, moments: Floats, right: bool = False) -> Ints:
    """Return for each moment where it would go among the values from ``low`` to ``high``, which are sorted.

    Args:
        values: the values, by key.
        low, high: for each moment, the first and the last place of its key.
        moments: the moments.
        right: whether it goes behind values that are equal to it, rather than before them.
    """
    low, high = low.copy(), high.copy()
    while (open_ := low < high).any():
        middle = (low + high) // 2
        there = values[np.minimum(middle, len(values) - 1)]
        later = open_ & ((there <= moments) if right else (there < moments))
        low = np.where(later, middle + 1, low)
        high = np.where(open_ & ~later, middle, high)
    return low


def before(parts: Parts, sums: Floats, low: Ints, high: Ints, moments: Floats) -> Floats:
    """Return for each moment the seconds of its key's parts that lie before it.

    Args:
        parts: the parts.
        sums: their ``running`` sums.
        low, high: for each moment, the first and the last place of its key among the parts.
        moments: the moments, in seconds of the clock.
    """
    if not len(sums):
        return np.zeros(len(moments))
    begun = bisected(parts.ends - parts.seconds, low, high, moments)
    last = np.maximum(begun - 1, 0)
    found = sums[last] - np.maximum(0.0, parts.ends[last] - moments)
    return np.where(begun > low, found, 0.0)


def merged(keys: Any, begins: Floats, ends: Floats) -> tuple[Any, Floats, Floats]:
    """Return the union of intervals by key, as keys, begins and ends; intervals that touch become one."""
    order = np.lexsort((ends, begins, keys))
    keys, begins, ends = keys[order].astype(np.int64), begins[order], ends[order]
    until = accumulated(np.maximum, keys, ends)
    first = np.ones(len(keys), np.bool_)
    first[1:] = (keys[1:] != keys[:-1]) | (begins[1:] > until[:-1])
    last = np.ones(len(keys), np.bool_)
    last[:-1] = first[1:]
    return keys[first], begins[first], until[last]


def outside(parts: Parts, keys: Any, begins: Floats, ends: Floats, count: int) -> tuple[Ints, Floats, Floats]:
    """Return the pieces of parts that lie in none of the intervals of their key: the part, begin and end of each.

    Args:
        parts: the parts, by key.
        keys, begins, ends: the intervals, as ``merged`` returns them.
        count: how many keys there are.
    """
    edges = bounds(keys, count)
    low, high = edges[parts.keys], edges[parts.keys + 1]
    begin, end = parts.ends - parts.seconds, parts.ends
    at = np.maximum(low, bisected(begins, low, high, begin, right=True) - 1)
    found = []
    left = np.arange(len(end))
    while len(left):
        inside = at[left] < high[left]
        inside[inside] = begins[at[left[inside]]] < end[left[inside]]
        left = left[inside]
        first, last = begins[at[left]], ends[at[left]]
        gap = first - begin[left] > RESOLUTION * first
        found.append((left[gap], begin[left[gap]], first[gap]))
        begin[left], at[left] = np.maximum(begin[left], last), at[left] + 1
    rest = np.flatnonzero(end - begin > RESOLUTION * end)
    found.append((rest, begin[rest], end[rest]))
    places, starts, until = (np.concatenate(columns) for columns in zip(*found, strict=True))
    order = np.lexsort((starts, places))
    return places[order], starts[order], until[order]
