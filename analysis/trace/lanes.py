"""The clock of a trace, in whole ticks, and the lanes over which slices that overlap are spread."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

import numpy as np

_SLACK = 4
"""Slices that overlap by no more ticks than this follow each other: the overlap is the rounding of the clock."""


class Clock:
    """A clock that counts in whole ticks: sums of whole numbers have no rounding that would make slices overlap.

    A tick is a nanosecond or, in a run so long that a float cannot resolve nanoseconds (104 days), a microsecond.

    Attributes:
        digits: how many decimals a time in microseconds has.
    """

    def __init__(self, seconds: float) -> None:
        self.digits = 3 if seconds * 1e9 < 2**53 else 0

    def ticks(self, seconds: np.ndarray) -> np.ndarray:
        """Return times in ticks."""
        found: np.ndarray = np.rint(seconds * 1e6 * 10**self.digits).astype(np.int64)
        return found


class Lanes:
    """The lanes of a track, as many as are needed; a slice goes to the first that is free."""

    def __init__(self) -> None:
        self._until: list[int] = []  # by lane

    def place(self, begin: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Put slices on lanes, and return for each its lane and when it begins there.

        Args:
            begin: when they begin, in ticks, in ascending order; no earlier than the slices placed before.
            end: when they end, in ticks.
        """
        first = self._until[0] if self._until else 0
        until = np.maximum.accumulate(np.concatenate([[first], np.maximum(begin, end)]))
        if (until[:-1] <= begin + _SLACK).all():  # the first lane is free for each of them
            self._until[:1] = [int(until[-1])]
            return np.zeros(len(begin), np.int64), np.maximum(begin, until[:-1])
        return self._spread(begin, end)

    def _spread(self, begin: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        until, free = self._until, list[int]()
        busy = [(moment, lane) for lane, moment in enumerate(until)]
        heapify(busy)
        lanes, begins = [], []
        for start, stop in zip(begin.tolist(), end.tolist(), strict=True):
            while busy and busy[0][0] <= start + _SLACK:
                heappush(free, heappop(busy)[1])
            if not free:
                free.append(len(until))
                until.append(0)
            lane = heappop(free)
            start = max(start, until[lane])
            until[lane] = max(start, stop)
            heappush(busy, (until[lane], lane))
            lanes.append(lane)
            begins.append(start)
        return np.array(lanes, np.int64), np.array(begins, np.int64)
