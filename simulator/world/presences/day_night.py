"""Devices that are there at certain hours of the day."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import model_validator

from simulator.settings.errors import UnfitError
from simulator.settings.units import Duration
from simulator.world.presences.base import Attendance, Presence
from simulator.world.timetable import DAY, daily

if TYPE_CHECKING:
    from simulator.settings.seeds import Seeds


class DayNight(Presence):
    """Present every day between the same hours, such as at night, while a phone is charged.

    The clock starts at midnight.

    Attributes:
        begin: the hour at which a device comes, from 0 h to 24 h.
        end: the hour at which it leaves; if it is before ``begin``, on the next day.
        spread: by how much the day of each device is earlier or later than these hours at most; the shift of each is
            drawn uniformly.
    """

    name: ClassVar[str] = "day_night"
    begin: Duration
    end: Duration
    spread: Duration = 0.0

    @model_validator(mode="after")
    def _within_a_day(self) -> Self:
        for key, value in (("begin", self.begin), ("end", self.end)):
            if value > DAY:
                raise UnfitError(key, None, "a day has no such hour", "0 h to 24 h")
        if self.begin % DAY == self.end % DAY:
            raise UnfitError("end", None, "it is the hour at which the device comes: it would never leave", "another")
        if self.spread > DAY / 2:
            raise UnfitError("spread", None, "a day shifted by more than half a day is another day", "0 h to 12 h")
        return self

    def sample(self, device: str, seeds: Seeds) -> Attendance:
        shift = float(seeds.stream("presence", device).uniform(-self.spread, self.spread)) if self.spread else 0.0
        return daily(self.begin, self.end, shift)
