"""Devices that come and go at random, without memory."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, ClassVar, Literal

from simulator.settings.units import Period
from simulator.world.presences.base import Attendance, Presence

if TYPE_CHECKING:
    import numpy as np

    from simulator.settings.seeds import Seeds


class Alternating:
    """Two states that follow each other, each for an exponentially distributed time.

    Args:
        mean_on, mean_off: the mean seconds of a spell on and of one off.
        on: whether it is on at first.
        stream: draws the spells, in order; how far they are drawn depends on what is asked, what is drawn does not.
    """

    def __init__(self, mean_on: float, mean_off: float, on: bool, stream: np.random.Generator) -> None:
        self._mean_on, self._mean_off, self._on, self._stream = mean_on, mean_off, on, stream
        self._moments: list[float] = []

    def at(self, t: float) -> bool:
        """Return whether it is on at a moment, in seconds of the clock."""
        return self._on ^ (self._changes_until(t) % 2 == 1)

    def next_change(self, t: float) -> float:
        """Return the first moment after ``t`` at which it changes."""
        return self._moments[self._changes_until(t)]

    def expected_stay(self, t: float) -> float:
        """Return the mean seconds that it stays on from ``t``: those of a whole spell, whenever it began; 0 if off."""
        return self._mean_on if self.at(t) else 0.0

    def _changes_until(self, t: float) -> int:
        """Return how many changes there are up to and including a moment; the one after it is drawn too."""
        moments = self._moments
        while not moments or moments[-1] <= t:
            on = self._on ^ (len(moments) % 2 == 1)
            spell = self._stream.exponential(self._mean_on if on else self._mean_off)
            moments.append((moments[-1] if moments else 0.0) + float(spell))
        return bisect_right(moments, t)


class OnOff(Presence):
    """Present and absent for exponentially distributed times (a Markov process), each device by itself.

    Attributes:
        mean_present: the mean time for which a device is there.
        mean_absent: the mean time for which it is away.
        start: whether devices are there at first: ``random`` with the share of time for which they are there on
            average.
    """

    name: ClassVar[str] = "on_off"
    mean_present: Period
    mean_absent: Period
    start: Literal["random", "present", "absent"] = "random"

    def sample(self, device: str, seeds: Seeds) -> Attendance:
        stream = seeds.stream("presence", device)
        share = self.mean_present / (self.mean_present + self.mean_absent)
        present = bool(stream.random() < share) if self.start == "random" else self.start == "present"
        return Alternating(self.mean_present, self.mean_absent, present, stream)
