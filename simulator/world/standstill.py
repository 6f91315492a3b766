"""What happens to a world by itself, in the background, and what is said when nothing more can happen in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import simpy
from simpy.resources.resource import Request
from simpy.resources.store import StoreGet, StorePut

from simulator.accounting.waste import UNFINISHED as UNFINISHED
from simulator.settings.errors import ScenarioError
from simulator.settings.humanize import human
from simulator.world.clock import Clock
from simulator.world.dropout import give_up
from simulator.world.processes import END, Concurrency, Process, Steps
from simulator.world.queue import Job

OUTAGE = "outage"
"""The reason of what is lost because the server was away; ``UNFINISHED`` is that of what the trial's end cut off."""
SHOWN = 8
"""How many of those that wait are named."""


class StandstillError(ScenarioError):
    """A world in which nothing more can happen although the run is not over; the text names who waits for what."""


class TimeUpError(Exception):
    """The moment at which a trial was to end has come."""


class Absent(Protocol):
    """What is looked at of a site that comes and goes; ``sites.Site`` says what the attributes mean."""

    name: str
    away_since: float | None
    absent_for: dict[str, None]
    patience: float | None

    @property
    def due(self) -> dict[str, simpy.Event]:
        """For each cause of absence, the event that begins or ends it next, where one is to come."""

    @property
    def may_return(self) -> bool:
        """Whether each cause of its absence will end, as far as is known."""

    def check_present(self, what: str) -> None:
        """Raise ``RuntimeError`` if the site is away."""


class Awaited(NamedTuple):
    """Who is waited for.

    Attributes:
        sites: the sites; one that is back is enough.
        what: what they are needed for.
        since: when the wait began, in seconds of the clock.
    """

    sites: tuple[Absent, ...]
    what: str
    since: float


class Background(Concurrency):
    """The part of a world that changes by itself: sites come and go, whatever runs in the world.

    Such changes may follow each other for ever, so a world in which all wait for each other does not run out of events.
    So each change looks whether anything else is to come.

    Attributes:
        main: the process that ``advance`` runs, or has run last.
        is_over: whether the moment has come at which the trial was to end.
    """

    def __init__(self, env: Clock) -> None:
        super().__init__(env)
        self._pending = 0  # changes that are to come
        self._awaited: dict[Process, Awaited] = {}
        self._returned: simpy.Event | None = None
        self.main: Process | None = None
        self.is_over = False

    def change(self, site: Absent, cause: str, at: float, action: Callable[[], None]) -> None:
        """Have something happen to a site in the background, in place of what was to happen for the same cause.

        Args:
            site: the site.
            cause: the cause of absence that this begins or ends.
            at: when, in seconds of the clock; infinite for never.
            action: what happens.
        """
        site.due.pop(cause, None)
        if at == float("inf"):
            return
        event = site.due[cause] = self.env.event()
        event._ok, event._value = True, None

        def happen(_: simpy.Event) -> None:
            self._pending -= 1
            if site.due.get(cause) is event:
                del site.due[cause]
                action()
            self.check_alive()

        assert event.callbacks is not None
        event.callbacks.append(happen)
        self._pending += 1
        self.env.schedule(event, delay=max(0.0, at - self.env.now))

    def end_at(self, moment: float) -> None:
        """Have the trial end at a moment, after all else that happens then: ``advance`` then raises ``TimeUpError``.

        Args:
            moment: in seconds of the clock, not before now.
        """
        event = self.last_at(moment - self.now, END)
        assert event.callbacks is not None
        event.callbacks.append(lambda _: self._end_now())
        self._pending += 1

    def run_out(self, moment: float) -> None:
        """Let the clock go on to a moment, although nothing but changes in the background can happen any more.

        Args:
            moment: in seconds of the clock, not before now.
        """
        self.is_over = True
        for process in list(self.processes):
            process.stop(UNFINISHED)
        while self.now < moment:  # the end of a process that ``advance`` runs ends a run of the clock
            self.env.run(moment)

    def _end_now(self) -> None:
        self._pending -= 1
        if self.main is not None and self.main.is_alive and not self.is_over:
            self.check_alive()
            self.is_over = True
            self.main.stop(UNFINISHED)

    def check_alive(self) -> None:
        """Check that something other than changes in the background can happen, or that somebody waits for one.

        A site may also leave, which ends the wait of those who need it, and for them.

        Raises:
            StandstillError: neither is so.
        """
        if self.is_over:
            return
        if len(self.env) > self._pending or any(map(_hopeful, self._awaited.values())):
            return
        if not any(site.due for process in self.processes for site in _needed(process)):  # none will leave either
            raise standstill(self)

    def until_back(self, site: Absent, what: str) -> Steps:
        """Wait for a site that is away, for as long as its patience says; whoever has waited in vain is stopped.

        A client whose own device is away, because it left before its turn came, is stopped at once.

        Args:
            site: the site.
            what: what it is needed for.

        Raises:
            RuntimeError: nobody waits for this site.
        """
        process = self.current_process()
        own = process.client is not None and process.client.site is site
        if not own:
            if site.patience is None:
                site.check_present(what)
            if (yield from self.await_return([site], what, site.patience)):
                return
        give_up(process, self.processes.of(process.client), next(iter(site.absent_for), OUTAGE))

    def await_return(
        self, sites: Sequence[Absent], what: str, patience: float | None = None, until: simpy.Event | None = None
    ) -> Steps:
        """Wait until at least one of these sites is present; the value is whether one is.

        Args:
            sites: the sites.
            what: what they are needed for, in words.
            patience: seconds to wait; None: without a bound.
            until: an event that ends the wait, too; None: there is none.

        Raises:
            StandstillError: none of them will be back, nothing else can happen, and nothing else ends the wait.
        """
        process = self.current_process()
        awaited = Awaited(tuple(sites), what, self.now)
        limit = until if patience is None else self.env.timeout(patience)
        self._awaited[process] = awaited
        try:
            while all(site.away_since is not None for site in sites):
                if limit is None:
                    self.check_alive()
                elif limit.processed:
                    return False
                self._returned = self._returned or self.env.event()
                yield self._returned if limit is None else self._returned | limit
            return True
        finally:
            del self._awaited[process]

    def note_return(self) -> None:
        """Wake those who wait for a site: one is back."""
        if self._returned is not None:
            self._returned.succeed()
            self._returned = None


def _hopeful(awaited: Awaited) -> bool:
    return any(site.may_return for site in awaited.sites)


def _needed(process: Process) -> tuple[Absent, ...]:
    """Return the sites without which a process ends: if one of them leaves, others need not wait for it any more."""
    return process.sites if process.client is None else (*process.sites, process.client.site)


def standstill(world: Background) -> StandstillError:
    """Return the error that says who waits, where, for what and since when."""
    waiting = list(dict.fromkeys(_waits(world)))
    more = [f"  and {len(waiting) - SHOWN} more"] if len(waiting) > SHOWN else []
    head = f"nothing more can happen after {_clock(world.now)} of simulated time, and the run is not over:"
    return StandstillError("\n".join([head, *waiting[:SHOWN], *more]))


def _waits(world: Background) -> Iterator[str]:
    """Yield a line for each process that waits for something that will not come."""
    for process in world.processes:
        who = process.client_name or "the server"
        where = f" ({process.phase})" if process.phase else ""
        found = _wait(world, process)
        if found is not None:
            what, since = found
            yield f"  {who}{where} has waited since {_clock(since)} for {what}"


def _wait(world: Background, process: Process) -> tuple[str, float] | None:
    """Return what a process waits for and since when; None if it waits for other processes, which are named instead."""
    if awaited := world._awaited.get(process):
        return f"{_absent(awaited)} to be back ({awaited.what})", awaited.since
    target: Any = process.target
    if isinstance(target, Job):
        return f"{target.work.name} at {process.sites[0].name}", target.asked
    if isinstance(target, StoreGet):
        return "an item in a buffer that nobody fills", process.since
    if isinstance(target, StorePut):
        return "room in a buffer that nobody empties", process.since
    if isinstance(target, Request):
        holders = {getattr(user.proc, "client_name", None) or "the server" for user in target.resource.users}
        return f"weights that {' and '.join(sorted(holders))} holds", process.since
    if len(process.sites) == 2:
        source, receiver = process.sites
        return f"a transfer from {source.name} to {receiver.name} to end", process.since
    return None


def _absent(awaited: Awaited) -> str:
    names = [f"{site.name} ({', '.join(site.absent_for)})" for site in awaited.sites if site.absent_for]
    shown = ", ".join(names[:SHOWN])
    return f"{shown} or {len(names) - SHOWN} others" if len(names) > SHOWN else shown or "any device"


def _clock(seconds: float) -> str:
    return human("seconds", seconds)
