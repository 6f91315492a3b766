"""Batteries: a level that the energy of a device drains while the simulation runs, and that charging fills again.

What a device draws follows the rules by which ``accounting.usage`` counts energy from the ledger afterwards: idle watts
while it takes part or is active, and for each state the watts above idle; each slot that computes counts, a link with
several transfers counts once, and latency draws nothing. A device that is away draws nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from simulator.accounting.ledger import ChargeRow

EMPTY = "battery"
"""A cause of absence: the battery is at its reserve, and is not charged again yet."""
RESOLUTION = 1e-12
"""A part of the capacity that is smaller is a rounding error."""


class Hours(Protocol):
    """When a device is plugged in: a plan whose moments are seconds of the clock (``timetable.Timetable``)."""

    def at(self, t: float) -> bool:
        """Return whether it is plugged in at a moment."""

    def next_change(self, t: float) -> float:
        """Return the first moment after ``t`` at which that changes; infinite if it never does."""


@dataclass(frozen=True, slots=True)
class Charging:
    """How a battery is charged.

    Attributes:
        watts: the power with which it is charged.
        hours: when it is plugged in; None: always.
        only_unused: whether it is charged only while the device neither takes part nor is active.
    """

    watts: float
    hours: Hours | None = None
    only_unused: bool = False


class Battery:
    """The battery of a device, which leaves when it is down to its reserve, and comes back when it is charged again.

    Args:
        site: the device, which is present.
        capacity: what the battery holds, in joules.
        start: the share of it that it holds now.
        reserve: the share of it at which the device leaves.
        resume: the share of it at which the device comes back; more than ``reserve``.
        charging: how it is charged; None: not at all.
        drain: what the device draws while the ledger counts nothing for it, in watts; this may take the level below
            the reserve.

    Attributes:
        site, capacity, reserve, resume, charging, drain: as given.
        drawn: the joules that the ledger counts for the device so far, up to the last change of what it draws.
    """

    def __init__(
        self,
        site: Any,
        capacity: float,
        start: float = 1.0,
        reserve: float = 0.0,
        resume: float = 1.0,
        charging: Charging | None = None,
        drain: float = 0.0,
    ) -> None:
        self.site, self.capacity, self.charging, self.drain = site, capacity, charging, drain
        self.reserve, self.resume = reserve, resume
        self.drawn = 0.0
        self._joules = start * capacity
        self._since = site.env.now
        self._busy = {"compute": 0, "upload": 0, "download": 0}
        self._engaged = 0
        self._draw = self._net = 0.0
        self._wake = math.inf
        self._plugged, self._until = False, math.inf
        if charging is not None:
            hours = charging.hours
            self._plugged = hours is None or hours.at(self._since)
            self._until = math.inf if hours is None else hours.next_change(self._since)
        site.battery = self
        self.note("start")
        if self._joules <= reserve * capacity:
            site.leave(EMPTY)

    @property
    def level(self) -> float:
        """The state of charge now, from 0 to 1."""
        return self._joules_at(self.site.env.now) / self.capacity

    def note(self, cause: str) -> None:
        """Record the level in the ledger, and go by what the device draws from now on.

        Args:
            cause: "start", "end", the cause of an absence that begins, or "back".
        """
        self._change()
        site = self.site
        site.world.ledger.charges.add(ChargeRow(site.name, site.env.now, self._joules / self.capacity, cause))

    def switch(self, state: str, by: int) -> None:
        """Count one more of what keeps the device in a state, or one less.

        Args:
            state: ``compute``, ``upload`` or ``download``.
            by: 1 or -1.
        """
        self._busy[state] += by
        self._change()

    def engage(self, by: int) -> None:
        """Count one more engagement of the device in a round, or (-1) one less."""
        self._engaged += by
        assert self._engaged >= 0, f"{self.site.name} ended an engagement that it did not begin"
        self._change()

    def _change(self) -> None:
        """Bring the level up to the present, and go by what the device draws from now on."""
        self._settle()
        busy, site = self._busy, self.site
        used = site.away_since is None and (self._engaged > 0 or any(busy.values()))
        self._draw = 0.0
        if used:
            watts = site.hardware.power
            idle = watts.idle
            self._draw = idle + busy["compute"] * (watts.compute - idle)
            if busy["upload"]:
                self._draw += watts.upload - idle
            if busy["download"]:
                self._draw += watts.download - idle
        charging = self.charging
        charges = charging is not None and self._plugged and not (used and charging.only_unused)
        self._net = (charging.watts if charging is not None and charges else 0.0) - (self._draw if used else self.drain)
        self._plan()

    def _joules_at(self, now: float) -> float:
        return min(self.capacity, max(0.0, self._joules + self._net * (now - self._since)))

    def _settle(self) -> None:
        now = self.site.env.now
        self.drawn += self._draw * (now - self._since)
        self._joules, self._since = self._joules_at(now), now

    def _left(self) -> float:
        """Return the seconds until the device leaves or comes back, if nothing changes before."""
        empty = EMPTY in self.site.absent_for
        if self._net == 0 or empty != (self._net > 0):
            return math.inf
        target = (self.resume if empty else self.reserve) * self.capacity
        missing = (target - self._joules) / self._net
        return 0.0 if missing * abs(self._net) <= RESOLUTION * self.capacity else missing

    def _plan(self) -> None:
        """Have the battery looked at again in time.

        A look that is planned too early stays planned: most changes of what a device draws cost no event.
        """
        left = self._left()
        moment = min(self._since + left, self._until)
        if moment < self._wake:
            self._look_at(moment)

    def _look_at(self, moment: float) -> None:
        self._wake = moment
        self.site.world.change(self.site, EMPTY, moment, self._look)

    def _look(self) -> None:
        """Go on with the next hours of charging, if they begin or end now, and let the device leave or come back."""
        planned, self._wake = self._wake, math.inf
        self._settle()
        while self._until <= planned:
            assert self.charging is not None
            assert self.charging.hours is not None
            self._plugged = self.charging.hours.at(self._until)
            self._until = self.charging.hours.next_change(self._until)
        if self._left() <= 4 * math.ulp(self._since):
            if EMPTY in self.site.absent_for:
                self._joules = self.resume * self.capacity
                self.site.come_back(EMPTY)
            else:
                self._joules = min(self._joules, self.reserve * self.capacity)
                self.site.leave(EMPTY)
        self._change()


class MeteredTransfer:
    """A transfer between two sites, of which at least one has a battery: a use of links from its latency on.

    Args:
        sites: who sends and who receives.
        latency: the seconds before the first byte.
    """

    def __init__(self, sites: Sequence[Any], latency: float) -> None:
        source, target = sites
        self._uses = [
            (site.battery, state)
            for site, state in ((source, "upload"), (target, "download"))
            if site.battery is not None
        ]
        self._begun = self._over = False
        if latency:
            source.env.timeout(latency).callbacks.append(lambda _: self._begin())
        else:
            self._begin()

    def _begin(self) -> None:
        if not self._over:
            self._begun = True
            for battery, state in self._uses:
                battery.switch(state, 1)

    def end(self) -> None:
        """End it, also in its latency."""
        self._over = True
        if self._begun:
            for battery, state in self._uses:
                battery.switch(state, -1)
