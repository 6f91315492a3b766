"""Sites that leave and come back: what that ends, and whoever has a say in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import simpy

from simulator.accounting.ledger import AbsenceRow
from simulator.world.memory import Memory
from simulator.world.standstill import OUTAGE

if TYPE_CHECKING:
    from simulator.world.battery import Battery
    from simulator.world.dropout import Dropout
    from simulator.world.presences.base import Attendance

AWAY = "away"
"""A cause of absence: the device's presence says so."""
NO_CAUSE: dict[str, None] = {}
"""The causes of absence of a site that is present; never changed."""


class Attending:
    """A site in its coming and going.

    Attributes:
        world, env: its world, and the clock of it.
        name: its name.
        clients: the clients whose device it is; none has a server, and a device has one.
        away_since: the clock when it left, in seconds; None while it is present.
        away_for: why it left last, in a word or two.
        absent_for: the causes of its absence; it is back when none is left.
        patience: seconds that others wait for it while it is away; None: to need it then is an error.
        presence: when it comes and goes by itself; None: it is always there.
        battery: what it runs on; None: it is not metered.
        dropout: how likely its client drops out in each phase; None: it never does.
    """

    __slots__ = (
        *("__dict__", "__weakref__", "_due", "absent_for", "away_for", "away_since", "battery", "clients", "dropout"),
        *("env", "memory", "name", "patience", "presence", "world"),
    )  # few bytes for each of many; what is added to one, such as a verb that is watched, is in its ``__dict__``

    world: Any
    memory: Memory

    def __init__(self, world: Any, name: str) -> None:
        self.world, self.env, self.name = world, world.env, name
        self.away_since: float | None = None
        self.away_for = ""
        self.clients: tuple[Any, ...] = ()
        self.absent_for = NO_CAUSE
        self._due: dict[str, simpy.Event] | None = None
        self.patience: float | None = None
        self.presence: Attendance | None = None
        self.battery: Battery | None = None
        self.dropout: Dropout | None = None

    @property
    def due(self) -> dict[str, simpy.Event]:
        """For each cause of absence, the event that begins or ends it next, where one is to come."""
        if self._due is None:
            self._due = {}
        return self._due

    def check_present(self, what: str) -> None:
        """Raise ``RuntimeError`` if the site is away."""
        if self.away_since is not None:
            raise RuntimeError(f"site {self.name!r} is away and cannot take part in {what!r}")

    @property
    def may_return(self) -> bool:
        """Whether each cause of its absence will end, as far as is known."""
        return all(cause in self.due for cause in self.absent_for)

    def leave(self, cause: str = "left") -> None:
        """Take the site away.

        Work in progress is charged for the time it was served and has no effect; queued work is withdrawn. The client
        of this site stops, and so does every client that computes here, sends to it or is receiving from it.

        Args:
            cause: why, in a word or two; the rows of what is lost get it. A site that is away already has one more
                cause to be.
        """
        self.absent_for = {**self.absent_for, cause: None}
        if self.away_since is not None:
            return
        self.away_since, self.away_for = self.env.now, cause
        if self.battery is not None:
            self.battery.note(cause)
        self.cut_short(cause)
        for process in self.world.processes.ended_by_leaving(self):
            process.stop(cause)

    def come_back(self, cause: str | None = None) -> None:
        """Make the site present again, and record its absence.

        Args:
            cause: the cause of the absence that has ended; the site stays away while there are others. None: all have.
        """
        left = {} if cause is None else {other: None for other in self.absent_for if other != cause}
        self.absent_for = left or NO_CAUSE
        if self.away_since is not None and not left:
            row = AbsenceRow(self.name, self.away_since, self.env.now - self.away_since, self.away_for)
            self.world.ledger.absences.add(row)
            self.away_since = None
            if self.battery is not None:
                self.battery.note("back")
            self.world.note_return()

    def cut_short(self, reason: str) -> None:
        """End works in service, charged for the time served and without effect, and drop those that wait.

        Args:
            reason: why, in a word or two, for the rows of these works.
        """
        raise NotImplementedError


def follow(
    site: Attending, attendance: Attendance, cause: str = AWAY, on_leave: Callable[[], None] = lambda: None
) -> None:
    """Have a site come and go as planned, from now on.

    Each change is planned from the moment planned for the one before it, not from a clock that may be a rounding error
    away from it.

    Args:
        site: the site.
        attendance: when it is present.
        cause: the cause of its absences.
        on_leave: is called after it has left.
    """
    world = site.world

    def plan(after: float) -> None:
        moment = attendance.next_change(after)
        world.change(site, cause, moment, lambda: change(moment))

    def change(moment: float) -> None:
        plan(moment)
        if attendance.at(moment):
            site.come_back(cause)
        else:
            site.leave(cause)
            on_leave()

    plan(world.now)
    if not attendance.at(world.now):
        site.leave(cause)


def have_outages(server: Attending, attendance: Attendance, patience: float) -> None:
    """Have the server away at times; all that it was doing when an outage begins ends, the round included.

    Args:
        server: the server.
        attendance: when it is present.
        patience: seconds that others wait for it.
    """
    server.patience = patience

    def give_up() -> None:
        for process in list(server.world.processes):  # what the server held for a client is gone
            if process.client is None or server.memory.holds_for(process.client_name):
                process.stop(OUTAGE)
        server.memory.lose_passes()

    follow(server, attendance, OUTAGE, give_up)
