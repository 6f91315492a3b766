"""Devices that never leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from simulator.world.presences.base import Attendance, Presence
from simulator.world.timetable import Timetable

if TYPE_CHECKING:
    from simulator.settings.seeds import Seeds


class Always(Presence):
    """Always there, as without a presence."""

    name: ClassVar[str] = "always"

    def sample(self, device: str, seeds: Seeds) -> Attendance:
        return Timetable([(0.0, float("inf"))], stays_on=True)
