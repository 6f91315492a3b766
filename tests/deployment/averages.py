"""Calibration on a share of a core, where a piece of work either runs through or meets a pause."""

from __future__ import annotations

import statistics

from simulator.accounting.seconds import Rows
from simulator.calibration.timing import Laps


class Averages(Laps):
    """Laps whose table has means, not medians.

    A group that has used up its share pauses until the next period. Most short pieces of work meet no pause, and their
    median has none; but somebody meets it, and only the means add up to what a whole work takes.
    """

    def table(self) -> dict[str, Rows]:
        """Return the means: for each piece of work, rows of (samples, seconds) in order of samples."""
        return {
            what: tuple((samples, statistics.mean(by_samples[samples])) for samples in sorted(by_samples))
            for what, by_samples in self._seen.items()
        }
