"""The fastest policy: the cut with the shortest round."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from simulator.scheduling.cuts.base import Candidate, CutPolicy


class Fastest(CutPolicy):
    """The portion with the shortest round among those that fit the device's memory; of equally fast ones, the smallest.

    The duration is the mean over the rounds that a device takes part in, of which the first also sends frozen weights.
    It is that of the device alone: the load of other devices on the server and the links is not considered.
    """

    name: ClassVar[str] = "fastest"

    def choose(self, candidates: Sequence[Candidate]) -> Candidate | None:
        return min((cut for cut in candidates if cut.fits), key=lambda cut: cut.seconds, default=None)
