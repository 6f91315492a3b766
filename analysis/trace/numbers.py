"""The numbers of tracks and flows, each once in a trace."""

from __future__ import annotations

import numpy as np


class Numbers:
    """Numbers the tracks and the flows of all trials of a trace.

    Args:
        first: the number of the first track; no track may have the number of a process.
    """

    def __init__(self, first: int) -> None:
        self._tracks, self._flows = first - 1, 0

    def track(self) -> int:
        """Return the number of the next track."""
        self._tracks += 1
        return self._tracks

    def flows(self, count: int) -> np.ndarray:
        """Return the numbers of the next flows."""
        self._flows += count
        return np.arange(self._flows - count + 1, self._flows + 1)
