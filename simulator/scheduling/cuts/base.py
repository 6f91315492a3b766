"""The contract of a cut policy: what is known of each cut on a device, and which one it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from simulator.settings.base import Settings


class Candidate(NamedTuple):
    """A cut, and what it asks of a device: the figures of a dry run of two rounds in which it is alone.

    ``peak_bytes`` of the ``memory`` (bytes) that the device has; ``seconds`` of a round, the server's aggregation
    included; ``energy_j`` of the device in it (joules), its waiting included. Both are means over as many rounds as a
    device takes part in on average, of which the first also sends the frozen weights that it needs. Of a cut that
    several devices must share: the most that it asks of one of them, and the least memory.
    """

    head: int
    tail: int
    peak_bytes: int
    memory: float
    seconds: float
    energy_j: float

    @property
    def fits(self) -> bool:
        return self.peak_bytes <= self.memory


class CutPolicy(Settings):
    """Chooses where the model is cut for a device."""

    name: ClassVar[str]
    chooses: ClassVar[bool] = True
    """Whether it chooses at all; else the cut is what the entry says."""

    def choose(self, candidates: Sequence[Candidate]) -> Candidate | None:
        """One of these, or None if none will do.

        ``candidates``: at least one, from the smallest portion on the device to the largest. Each is found out by a
        dry run at the moment when it is looked at.
        """
        raise NotImplementedError
