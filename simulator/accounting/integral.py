"""The integral of a value that varies in time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from math import fsum
from typing import Protocol

Span = tuple[float, float]
"""A begin and an end, in seconds of the clock."""


class Varying(Protocol):
    """A value that varies in time: constant from each change to the next."""

    def at(self, t: float) -> float:
        """Return the value at a moment, in seconds of the clock."""

    def next_change(self, t: float) -> float:
        """Return the first moment after ``t`` at which the value changes, in seconds; infinity if it never does."""


class Integral:
    """The integral of a value that varies in time, between any two moments of a trial.

    Args:
        varying: the value.
        start, end: the beginning and the end of the trial, in seconds of the clock; after it, the last value holds.
    """

    def __init__(self, varying: Varying, start: float, end: float) -> None:
        self._moments, self._values, self._sums = [start], [varying.at(start)], [0.0]
        while (moment := varying.next_change(self._moments[-1])) < end:
            self._sums.append(self._sums[-1] + self._values[-1] * (moment - self._moments[-1]))
            self._moments.append(moment)
            self._values.append(varying.at(moment))

    @property
    def steps(self) -> tuple[list[float], list[float], list[float]]:
        """The moments at which the value changes, from the start on; the value from each on, and the integral to it."""
        return self._moments, self._values, self._sums

    def between(self, begin: float, end: float) -> float:
        """Return the integral from one moment to another."""
        first, last = self._at(begin), self._at(end)
        if first == last:
            return self._values[first] * (end - begin)
        inside = self._sums[last] - self._sums[first + 1]
        before = self._values[first] * (self._moments[first + 1] - begin)
        return before + inside + self._values[last] * (end - self._moments[last])

    def mean(self, spans: Iterable[Span]) -> float:
        """Return the mean of the value over spans; the value at the beginning of the first if they last no time."""
        spans = list(spans)
        first, last = self._at(spans[0][0]), self._at(spans[-1][1])
        if first == last:
            return self._values[first]
        seconds = fsum(end - begin for begin, end in spans)
        return fsum(self.between(*span) for span in spans) / seconds if seconds > 0 else self._values[first]

    def _at(self, moment: float) -> int:
        return max(0, bisect_right(self._moments, moment) - 1)
