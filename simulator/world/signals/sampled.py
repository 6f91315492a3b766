"""The forms of what is sampled: values that change at given moments, again and again, or at random ones."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.settings.seeds import Key, Seeds

BLOCK = 64
"""How many sojourns are drawn at once, from a stream of their own; an even number."""


def merged(moments: Sequence[float], values: Sequence[float]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return moments and values without those that change nothing."""
    kept = [index for index, value in enumerate(values) if not index or value != values[index - 1]]
    return tuple(moments[index] for index in kept), tuple(values[index] for index in kept)


class Piecewise:
    """Values that hold from given moments on, the last of them for ever.

    Args:
        moments: seconds of the clock, growing, at least one; before the first, the first value holds too.
        values: the value from each moment on, each different from the one before.
        unit: what all values are divided by.
    """

    def __init__(self, moments: Sequence[float], values: Sequence[float], unit: float = 1.0) -> None:
        self._moments, self._values, self._unit = moments, values, unit

    def at(self, t: float) -> float:
        return self._values[max(0, bisect_right(self._moments, t) - 1)] / self._unit

    def next_change(self, t: float) -> float:
        index = max(1, bisect_right(self._moments, t))
        return self._moments[index] if index < len(self._moments) else math.inf


class Repeating:
    """Values that hold from given moments of a period on, in every period.

    Args:
        period: seconds.
        moments: seconds from the beginning of a period, growing, the first of them 0.
        values: the value from each moment on.
        phase: a moment of the clock at which a period begins, in seconds; periods extend in both directions.
        unit: what all values are divided by.
    """

    def __init__(
        self,
        period: float,
        moments: Sequence[float],
        values: Sequence[float],
        phase: float = 0.0,
        unit: float = 1.0,
    ) -> None:
        changes = [index for index, value in enumerate(values) if value != values[index - 1]]  # the first: to the last
        self._constant = not changes
        self._moments, self._values = moments, values
        if len(changes) < len(values):  # else they are shared by all links with this trace
            self._moments = [moments[index] for index in changes] or [0.0]
            self._values = [values[index] for index in changes] or [values[0]]
        self._period, self._phase, self._unit = period, phase, unit

    def at(self, t: float) -> float:
        return self._values[self._passed(self._begun(t), t) - 1] / self._unit  # before the first: as the last

    def next_change(self, t: float) -> float:
        if self._constant:
            return math.inf
        number = self._begun(t)
        passed = self._passed(number, t)
        if passed < len(self._moments):
            return self._begin(number) + self._moments[passed]
        return self._begin(number + 1) + self._moments[0]

    def _begin(self, number: int) -> float:
        return self._phase + number * self._period

    def _begun(self, t: float) -> int:
        """Return the number of the period that a moment is in."""
        number = math.floor((t - self._phase) / self._period)
        while self._begin(number) > t:  # by rounding
            number -= 1
        while self._begin(number + 1) <= t:
            number += 1
        return number

    def _passed(self, number: int, t: float) -> int:
        """Return how many changes of a period come before a moment, or at it."""
        begin = self._begin(number)
        return bisect_right(self._moments, t, key=lambda moment: begin + moment)


class Alternating:
    """Two values in turn, each for an exponentially distributed time: a Markov chain in continuous time.

    It is stationary: at every moment, the first included, the chances of the values are as their mean durations.
    Durations are drawn in blocks, each from a stream keyed by its number. Only the beginnings of blocks are kept, and
    the durations of the block that was asked for last.

    Args:
        values: both values.
        means: the mean seconds for which each of them holds.
        seeds: the random streams of the trial.
        key: the beginning of the keys of its streams.
    """

    def __init__(self, values: tuple[float, float], means: tuple[float, float], seeds: Seeds, *key: Key) -> None:
        self._values, self._means, self._seeds, self._key = values, means, seeds, key
        self._begins = [0.0]
        self._block = -1
        self._first = -1  # drawn when it is needed: most devices of a large world are never asked
        self._ends: list[float] = []  # of the sojourns of the block

    def at(self, t: float) -> float:
        passed = self._passed(t)  # which loads the block
        return self._values[(self._first + passed) % 2]

    def next_change(self, t: float) -> float:
        passed = self._passed(t)
        return self._ends[passed]

    def _passed(self, t: float) -> int:
        """Load the block that a moment is in, and return how many of its sojourns are over."""
        if self._first < 0:
            share = self._means[0] / sum(self._means)
            self._first = int(self._seeds.stream(*self._key, "first").random() >= share)
        while self._begins[-1] <= t:
            self._load(len(self._begins) - 1)
            self._begins.append(self._ends[-1])
        block = max(0, bisect_right(self._begins, t) - 1)
        if block != self._block:
            self._load(block)
        return bisect_right(self._ends, t)

    def _load(self, block: int) -> None:
        seconds = self._seeds.stream(*self._key, block).exponential(size=BLOCK)
        seconds[0::2] *= self._means[self._first]
        seconds[1::2] *= self._means[1 - self._first]
        self._ends, self._block = (self._begins[block] + seconds.cumsum()).tolist(), block
