"""The cut with which a device is back first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from simulator.scheduling.cuts.base import Candidate, CutPolicy


class Fastest(CutPolicy):
    """The shortest round of the device, of the portions that fit its memory; the smallest of those equally fast.

    It is the mean over the rounds that a device takes part in: frozen weights are sent in the first. It is alone in
    them: what others do to the server and to the links is not seen.
    """

    name: ClassVar[str] = "fastest"

    def choose(self, candidates: Sequence[Candidate]) -> Candidate | None:
        return min((each for each in candidates if each.fits), key=lambda each: each.seconds, default=None)
