"""The clock of a trace, in whole ticks, and the lanes over which slices that overlap are spread."""

from __future__ import annotations

from heapq import heappop, heappush

_SLACK = 4
"""Slices that overlap by no more ticks than this follow each other: the overlap is the rounding of the clock."""


class Clock:
    """A clock that counts in whole ticks: sums of whole numbers have no rounding that would make slices overlap.

    A tick is a nanosecond or, in a run so long that a float cannot resolve nanoseconds (104 days), a microsecond.
    """

    def __init__(self, seconds: float) -> None:
        self.per_us = 1000 if seconds * 1e9 < 2**53 else 1

    def ticks(self, seconds: float) -> int:
        """Return a time in ticks."""
        return round(seconds * 1e6 * self.per_us)

    def us(self, ticks: int) -> float:
        """Return a time in microseconds, as a whole number where it is one."""
        return ticks / self.per_us if ticks % self.per_us else ticks // self.per_us


class Lanes:
    """The lanes of a track, as many as are needed; a slice goes to the first that is free."""

    def __init__(self) -> None:
        self._busy: list[tuple[int, int]] = []  # a heap of (busy until, lane)
        self._free: list[int] = []
        self._until: list[int] = []  # by lane

    def place(self, begin: int, end: int) -> tuple[int, int]:
        """Put a slice on a lane, and return the lane and when the slice begins there.

        Args:
            begin: when it begins, in ticks; no earlier than the slices before it.
            end: when it ends, in ticks.
        """
        while self._busy and self._busy[0][0] <= begin + _SLACK:
            heappush(self._free, heappop(self._busy)[1])
        if not self._free:
            self._free.append(len(self._until))
            self._until.append(0)
        lane = heappop(self._free)
        begin = max(begin, self._until[lane])
        self._until[lane] = max(begin, end)
        heappush(self._busy, (self._until[lane], lane))
        return lane, begin
