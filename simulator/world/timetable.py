"""Plans of when something is on: once, or again and again."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import floor, inf, isfinite

DAY = 86_400.0
"""Seconds of a day; the clock starts at midnight."""


class Timetable:
    """A plan of spells in which something is on, such as a device that is present; everywhere else it is off.

    A spell includes its beginning and not its end. Changes are found by their number, not by the rest of a division,
    so that the moment of a change is on the same side of it in every cycle, whatever is rounded.

    Args:
        spells: (begin, end) of each, in seconds of the clock, in order and without overlap; those that touch are one.
        period: seconds after which the plan begins again; no spell is later. Infinite: it does not.
        stays_on: whether it stays on after the last spell, in a plan that does not begin again.
    """

    def __init__(self, spells: Sequence[tuple[float, float]], period: float = inf, stays_on: bool = False) -> None:
        moments: list[float] = []
        for begin, end in spells:
            if moments and begin == moments[-1]:
                moments[-1] = end
            else:
                moments += (begin, end)
        self._on_before = isfinite(period) and bool(moments) and moments[0] == 0 and moments[-1] == period
        if self._on_before:  # on from one cycle to the next
            moments = moments[1:-1]
        elif stays_on:
            moments = moments[:-1]
        self._moments, self._period = moments, period

    def at(self, t: float) -> bool:
        """Return whether it is on at a moment, in seconds of the clock."""
        return self._on_before ^ (self._changes_until(t) % 2 == 1)

    def next_change(self, t: float) -> float:
        """Return the first moment after ``t`` at which it changes; infinite if it never does."""
        if not self._moments or (not isfinite(self._period) and t >= self._moments[-1]):
            return inf
        return self._moment(self._changes_until(t))

    def expected_stay(self, t: float) -> float:
        """Return how many seconds it will stay on from ``t``, as the plan says; 0 if it is off."""
        return self.next_change(t) - t if self.at(t) else 0.0

    def _moment(self, number: int) -> float:
        cycle, index = divmod(number, len(self._moments))
        return cycle * self._period + self._moments[index] if cycle else self._moments[index]

    def _changes_until(self, t: float) -> int:
        """Return how many changes there are up to and including a moment."""
        if not self._moments or not isfinite(self._period):
            return bisect_right(self._moments, t)
        cycle = floor(t / self._period)
        number = cycle * len(self._moments) + bisect_right(self._moments, t - cycle * self._period)
        while self._moment(number) <= t:
            number += 1
        while number and self._moment(number - 1) > t:
            number -= 1
        return number


def daily(begin: float, end: float, shift: float = 0.0) -> Timetable:
    """Return the plan of a spell that comes every day, also over midnight.

    Args:
        begin, end: seconds after midnight, not equal within a day.
        shift: seconds by which both are later.
    """
    begin, end = (begin + shift) % DAY, (end + shift) % DAY
    spells = [(begin, end)] if begin < end else [(0.0, end), (begin, DAY)]
    return Timetable([spell for spell in spells if spell[0] < spell[1]], DAY)
