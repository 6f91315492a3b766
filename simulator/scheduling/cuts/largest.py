"""As much of the model on a device as fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from simulator.scheduling.cuts.base import Candidate, CutPolicy


class Largest(CutPolicy):
    """The largest portion that fits the device's memory."""

    name: ClassVar[str] = "largest"

    def choose(self, candidates: Sequence[Candidate]) -> Candidate | None:
        return next((each for each in reversed(candidates) if each.fits), None)
