"""The contract of a presence: when a device is there, and when it is away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol

from simulator.settings.base import Settings

if TYPE_CHECKING:
    from simulator.settings.seeds import Seeds


class Attendance(Protocol):
    """When one device is present, for as long as a trial may last; what was asked before changes nothing."""

    def at(self, t: float) -> bool:
        """Return whether the device is present at a moment, in seconds of the clock."""

    def next_change(self, t: float) -> float:
        """Return the first moment after ``t`` at which the device leaves or comes back; infinite if it never does."""

    def expected_stay(self, t: float) -> float:
        """Return how many seconds the device can be expected to stay from ``t``, by what it could know; 0 if away."""


class Presence(Settings):
    """A way in which devices come and go.

    Each device has an attendance of its own, which is the same for all algorithms of a scenario and does not depend on
    what happens in a trial.
    """

    name: ClassVar[str]

    def sample(self, device: str, seeds: Seeds) -> Attendance:
        """Return when a device is present.

        Args:
            device: the name of the device; random draws are keyed by it (``seeds.stream("presence", device)``).
            seeds: the random streams of the trial.

        Raises:
            UnfitError: nothing is known of this device; the key is that of a setting of the presence.
        """
        raise NotImplementedError

    def notices(self, devices: Sequence[str]) -> Iterator[str]:
        """Yield what a user should know of these settings, in sentences without a full stop.

        Args:
            devices: the names of all devices of the scenario.
        """
        yield from ()
