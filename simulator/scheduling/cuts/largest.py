"""The largest policy: as much of the model on a device as fits its memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from simulator.scheduling.cuts.base import Candidate, CutPolicy


class Largest(CutPolicy):
    """The largest portion that fits the device's memory."""

    name: ClassVar[str] = "largest"

    def choose(self, candidates: Sequence[Candidate]) -> Candidate | None:
        return next((cut for cut in reversed(candidates) if cut.fits), None)
