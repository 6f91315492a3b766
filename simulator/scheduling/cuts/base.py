"""The contract of a cut policy: the cost of each cut on a device, and the choice among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from simulator.settings.base import Settings


class Candidate(NamedTuple):
    """A cut and its cost on a device, from a dry run of two rounds in which no other device takes part.

    Time and energy are means over as many rounds as a device takes part in on average, of which the first also sends
    the frozen weights that it needs. For a cut that several devices must share, each figure is the largest of any of
    them, and the memory is the smallest.

    Attributes:
        head: blocks on the device behind the embedding.
        tail: blocks on the device before norm and classifier.
        peak_bytes: peak memory of the device, in bytes.
        memory: memory that the device has, in bytes.
        seconds: duration of a round in seconds, including the server's aggregation.
        energy_j: energy of the device in a round in joules, including while it waits.
    """

    head: int
    tail: int
    peak_bytes: int
    memory: float
    seconds: float
    energy_j: float

    @property
    def fits(self) -> bool:
        """Whether the cut fits the device's memory."""
        return self.peak_bytes <= self.memory


class CutPolicy(Settings):
    """A policy that chooses where the model is cut for each device."""

    name: ClassVar[str]
    chooses: ClassVar[bool] = True
    """Whether it chooses at all; otherwise the algorithm's entry sets the cut."""

    def choose(self, candidates: Sequence[Candidate]) -> Candidate | None:
        """Return one of the candidates, or None if none is acceptable.

        Args:
            candidates: at least one, from the smallest portion on the device to the largest. The figures of a candidate
                come from a dry run that takes place when it is first accessed, so a policy should access no more than
                it needs.
        """
        raise NotImplementedError
