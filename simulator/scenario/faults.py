"""The part of a scenario that says what goes wrong in its world: batteries, outages of the server, and dropouts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, Strict, model_validator

from simulator.settings.base import Many, Settings
from simulator.settings.errors import UnfitError
from simulator.settings.humanize import human
from simulator.settings.units import Duration, Energy, Period, Power
from simulator.settings.wording import near_miss
from simulator.world.battery import Battery, Charging
from simulator.world.presences.on_off import Alternating
from simulator.world.presences.trace import check_stays
from simulator.world.timetable import DAY, Timetable, daily

if TYPE_CHECKING:
    from simulator.settings.seeds import Seeds
    from simulator.world.presences.base import Attendance
    from simulator.world.sites import Site

Share = Annotated[float, Field(ge=0, le=1)]
PHASES = (
    *("model exchange", "training", "split training", "local loss", "provisioning", "pruning", "personal training"),
    *("data upload", "folding"),
)
"""The phases that clients have in our algorithms, as the ledger names them."""


class ChargingSettings(Settings):
    """How a battery is charged: always, or every day between two hours; the clock starts at midnight."""

    power: Power
    """The power with which it is charged."""
    begin: Duration | None = None
    """The hour at which the device is plugged in, from 0 h to 24 h; null, like `end`, for always."""
    end: Duration | None = None
    """The hour at which it is unplugged; if it is before `begin`, on the next day."""
    only_unused: bool = False
    """Whether it is charged only while the device neither takes part in a round nor computes, sends or receives."""

    @property
    def hours(self) -> Timetable | None:
        """When the device is plugged in; None: always."""
        return None if self.begin is None or self.end is None else daily(self.begin, self.end)

    @property
    def daily_seconds(self) -> float:
        """For how many seconds of a day the device is plugged in."""
        return DAY if self.begin is None or self.end is None else (self.end - self.begin) % DAY

    @model_validator(mode="after")
    def _some_power_at_some_time(self) -> Self:
        if self.power == 0:
            raise UnfitError(
                "power", None, "it is zero: leave charging out for a battery that is not charged", "more than 0 W"
            )
        for key, value, other in (("begin", self.begin, self.end), ("end", self.end, self.begin)):
            if value is not None and other is None:
                raise UnfitError(key, None, "begin and end belong together", "both, or neither for always")
            if value is not None and value > DAY:
                raise UnfitError(key, None, "a day has no such hour", "0 h to 24 h")
        if not self.daily_seconds:
            raise UnfitError("end", None, "it is the hour of begin; leave both out for always", "another hour")
        return self


class BatterySettings(Settings):
    """A battery, which a device drains by what it does. It leaves at the reserve, and is back when it is charged."""

    capacity: Energy  # joules
    """The energy that it holds when it is full."""
    start: Share = 1.0
    """The state of charge at the start, from 0 to 1."""
    reserve: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The state of charge at which the device leaves; what it is doing then is lost."""
    resume: Share | None = None
    """The state of charge at which it comes back; null: 0.1 more than the reserve, at most 1."""
    charging: ChargingSettings | None = None
    """How it is charged; null: not at all, so that a device whose battery is empty never comes back."""
    drain: Power = 0.0
    """What it loses while the device does nothing and takes part in nothing; no report counts this as energy."""

    @property
    def resumes_at(self) -> float:
        """The state of charge at which the device comes back."""
        return min(1.0, self.reserve + 0.1) if self.resume is None else self.resume

    @property
    def usable_j(self) -> float:
        """What a full battery gives until the device leaves, in joules."""
        return self.capacity * (1 - self.reserve)

    def too_weak(self, batch_j: float) -> str:
        """Return what is wrong if a full battery cannot do one batch, in words; empty if it can.

        Args:
            batch_j: the joules that the device draws for one batch.
        """
        if batch_j <= self.usable_j:
            return ""
        usable, needed = human("joules", self.usable_j), human("joules", batch_j)
        return f"a full battery gives {usable} until its reserve, and one batch takes {needed}"

    def put_into(self, site: Site) -> Battery:
        """Give a device such a battery; it is away from the start if this is at its reserve."""
        charging = self.charging
        plug = None if charging is None else Charging(charging.power, charging.hours, charging.only_unused)
        return Battery(site, self.capacity, self.start, self.reserve, self.resumes_at, plug, self.drain)

    @model_validator(mode="after")
    def _is_of_use(self) -> Self:
        if self.resumes_at <= self.reserve:
            allowed = f"more than {self.reserve:g}, at most 1"
            raise UnfitError("resume", self.resume, "the device would leave as soon as it is back", allowed)
        if self.charging is None:
            if self.start <= self.reserve:
                problem = "the device would never take part: it starts at its reserve and is not charged"
                raise UnfitError("start", self.start, problem, f"more than {self.reserve:g}, at most 1")
            return self
        seconds, gained = self.charging.daily_seconds, self.charging.power - self.drain
        at_once = seconds == DAY and gained > 0
        if not at_once and gained * seconds < max(self.drain * (DAY - seconds), 1e-9 * self.capacity):
            problem = "it is charged with less in a day than it loses to the drain, so it might never be charged again"
            raise UnfitError(("charging", "power"), None, problem, "more")
        return self


Window = Annotated[tuple[Duration, Duration], Strict(False)]


class OutageSettings(Settings):
    """When the server is away: at random, or at given times. It then goes on from its last aggregation."""

    between: Period | None = None
    """The mean time from the end of an outage to the beginning of the next; it is exponentially distributed."""
    duration: Period | None = None
    """The mean duration of an outage, which is exponentially distributed."""
    windows: Many[Window] | None = None
    """In place of `between` and `duration`: the outages, each from a time to a time, such as [[10 min, 12 min]]."""
    patience: Duration = 60.0
    """How long a device that needs the server waits for it; then its attempt is lost."""

    def sample(self, seeds: Seeds) -> Attendance:
        """Return when the server is there.

        Args:
            seeds: the random streams of the trial.
        """
        if self.windows is not None:
            ends = [end for _, end in self.windows]
            starts = [start for start, _ in self.windows]
            up = [(begin, end) for begin, end in zip([0.0, *ends], [*starts, float("inf")], strict=True) if begin < end]
            return Timetable(up, stays_on=True)
        assert self.between is not None
        assert self.duration is not None
        return Alternating(self.between, self.duration, True, seeds.stream("outages"))

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.windows is None:
            for key in ("between", "duration"):
                if getattr(self, key) is None:
                    raise UnfitError(key, None, "it is missing", "between and duration, or windows")
            return self
        if self.between is not None or self.duration is not None:
            raise UnfitError("windows", None, "outages come at random or at given times, not both", "one of the two")
        if not self.windows:
            raise UnfitError("windows", None, "it holds no outage", "[[start, end], ...]")
        try:
            check_stays(list(self.windows), "an outage", "outages")
        except ValueError as error:
            raise UnfitError("windows", None, str(error)) from None
        return self


def unknown_phases(names: list[str]) -> list[str]:
    """Return a sentence for each name of a phase that none of our algorithms has; those of others may have it.

    Args:
        names: the names, such as those for which a scenario gives rates of dropout.
    """
    return [
        f'dropout: none of our algorithms has a phase "{name}"{near_miss(name, PHASES) or "."}'
        for name in names
        if name not in PHASES
    ]
