"""A process on the simulated clock: it works for a client, in a phase of a round, until it is over or is stopped."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NamedTuple, Protocol

import simpy
from simpy.events import PENDING

from simulator.world.clock import Clock

Steps = Generator[simpy.Event, Any, Any]


class Running(Protocol):
    """What a process needs to know of its world.

    Attributes:
        env: the clock.
        processes: those that are not over (``running.Processes``).
    """

    env: Clock
    processes: Any

    def current_process(self) -> Process:
        """Return the process that is running now."""


class Participant(Protocol):
    """The client on whose behalf a process works.

    Attributes:
        site: its device.
        round_index: the number of its present attempt.
    """

    site: Any
    round_index: int

    @property
    def name(self) -> str:
        """The name of its site."""


class CutOff(NamedTuple):
    """A transfer that was cut short.

    Attributes:
        kind: the kind of payload.
        payload: the whole payload, as the receiver would have had it.
        share: the share of its bytes that have arrived.
    """

    kind: str
    payload: Any
    share: float


class Gone:
    """The type of ``GONE``."""

    def __repr__(self) -> str:
        return "GONE"


GONE = Gone()
"""The value of a process that was stopped."""


class Process(simpy.Process):
    """A SimPy process that knows its client, phase and round; the processes that it starts inherit all three.

    Attributes:
        client: the client that it works for, or None.
        client_name: the client's name, or None.
        begins: whether it was started by a process that does not work for this client.
        phase: the phase that its rows in the ledger get.
        round: the round that its rows get.
        attempt: the client's attempt that its rows get; 0 without a client.
        sites: the sites that the verb it is waiting in needs.
        visits: the devices that it has used whose clients it does not work for; None if there are none.
        stopped: whether it was stopped.
        reason: why it was stopped, in a word or two; empty if it was not.
        since: when it began to wait for what it is waiting for, in seconds of the clock.
        ended: when it ended, in seconds of the clock; None before.
        cut_off: the transfer that was cut short when it was stopped; None if there was none.
        keeps_part_of: the kind of payload of which the part that arrived is of use if it is cut short; None: of none.
    """

    __slots__ = (
        *("attempt", "begins", "client", "client_name", "cut_off", "ended", "keeps_part_of", "phase", "reason"),
        *("round", "since", "sites", "stopped", "visits"),
    )
    phase: str
    round: int
    client: Participant | None

    def __init__(self, world: Running, steps: Steps, client: Participant | None) -> None:
        parent = world.env.active_process
        self.begins, self.phase, self.round = True, "", 0
        if isinstance(parent, Process):
            self.begins = client is not None and client is not parent.client
            self.phase, self.round = parent.phase, parent.round
            if client is None:
                client = parent.client
        self.client = client
        self.client_name = None if client is None else client.name
        self.attempt = 0 if client is None else client.round_index
        self.sites: tuple[Any, ...] = ()
        self.visits: list[Any] | None = None
        self.stopped, self.reason = False, ""
        self.since = 0.0
        self.ended: float | None = None
        self.cut_off: CutOff | None = None
        self.keeps_part_of: str | None = None
        super().__init__(world.env, self._run(steps, world))
        self._ok, self._value = True, PENDING  # so that there is room for them, as for what every process has
        world.processes.add(self)

    def _run(self, steps: Steps, world: Running) -> Steps:
        """Return what SimPy is to run: the steps, until they are stopped."""
        return _until_stopped(self, steps, world)

    def use(self, *sites: Any) -> None:
        """Note which sites the verb needs in which it waits from now on."""
        self.sites = sites
        if self.client is not None:
            for site in sites:
                if site.clients and site is not self.client.site:
                    site.world.processes.note_visit(self, site)

    def needs(self, site: object) -> bool:
        """Return whether the process cannot go on without this site."""
        return site in self.sites or (self.client is not None and self.client.site is site)

    def stop(self, reason: str = "stopped") -> None:
        """End the process now, without an error; if it has not begun it never does, if it is over nothing happens.

        Args:
            reason: why, in a word or two, for the rows of what is lost with it; the first reason given stays.
        """
        if self.is_alive:
            self.stopped, self.reason = True, self.reason or reason
            self.interrupt("stop")

    @property
    def steps(self) -> Steps:
        """The generator that it runs; once it is over, one that does nothing."""
        return self._generator

    def close(self) -> None:
        """End what it does for good, when the world ends: nothing happens in it afterwards."""
        self._generator.close()


OVER: Steps = (event for event in tuple[Any]())
OVER.close()


def _until_stopped(process: Process, steps: Steps, world: Running) -> Steps:
    """Run the steps of a process, and end it without an error when it is stopped.

    With an error, every condition that waits for the process would fail, with no one there to handle it.
    """
    try:
        if process.stopped:
            return GONE
        if process.begins and process.client is not None and process.client.site.dropout is not None:
            process.client.site.dropout.enter(process, world.processes.of(process.client), ends=False)
        return (yield from steps)
    except simpy.Interrupt:
        return GONE
    finally:
        process.ended = process.env.now
        process._generator = OVER  # whoever keeps the process for its value keeps nothing else
        world.processes.remove(process)


class Handle:
    """A generator that was started: ``value = yield from handle`` waits for it.

    A SimPy process cannot be waited for in this way, because it cannot be iterated.

    Attributes:
        process: its process.
    """

    __slots__ = ("process",)

    def __init__(self, process: Process) -> None:
        self.process = process

    def __iter__(self) -> Steps:
        return (yield self.process)

    def stop(self, reason: str = "stopped") -> None:
        """End it: queued work is withdrawn, a transfer is cut short; service in progress finishes and is charged.

        Args:
            reason: why, in a word or two, for the rows of what is lost with it.
        """
        self.process.stop(reason)
