"""Processes on the simulated clock: what runs concurrently, waits, and is stopped."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import simpy
from simpy.events import EventPriority

from simulator.world.dropout import DROPOUT, give_up

Steps = Generator[simpy.Event, Any, Any]
LAST = EventPriority(2)
"""A priority after all others at the same moment; SimPy itself uses 0 and 1."""
END = EventPriority(3)
"""A priority after even those: at the end of a trial."""


LATE = "late"
"""A reason: others did not wait any longer."""


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
        stopped: whether it was stopped.
        reason: why it was stopped, in a word or two; empty if it was not.
        since: when it began to wait for what it is waiting for, in seconds of the clock.
        ended: when it ended, in seconds of the clock; None before.
        cut_off: the transfer that was cut short when it was stopped; None if there was none.
        keeps_part_of: the kind of payload of which the part that arrived is of use if it is cut short; None: of none.
        steps: the generator that it runs.
    """

    def __init__(self, world: Concurrency, steps: Steps, client: Participant | None) -> None:
        parent = world.env.active_process
        inherits = isinstance(parent, Process)
        self.client: Participant | None = client or (parent.client if inherits else None)  # type: ignore[union-attr]
        self.client_name = self.client.name if self.client else None
        self.begins = not inherits or self.client is not parent.client  # type: ignore[union-attr]
        self.attempt = self.client.round_index if self.client else 0
        self.phase: str = parent.phase if inherits else ""  # type: ignore[union-attr]
        self.round: int = parent.round if inherits else 0  # type: ignore[union-attr]
        self.sites: tuple[Any, ...] = ()
        self.stopped = False
        self.reason = ""
        self.since = 0.0
        self.ended: float | None = None
        self.cut_off: CutOff | None = None
        self.keeps_part_of: str | None = None
        self.steps = _until_stopped(self, steps, world.processes)
        super().__init__(world.env, self.steps)
        world.processes[self] = None

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


def _until_stopped(process: Process, steps: Steps, running: dict[Process, None]) -> Steps:
    """Run the steps of a process, and end it without an error when it is stopped.

    With an error, every condition that waits for the process would fail, with no one there to handle it.
    """
    try:
        if process.stopped:
            return GONE
        if process.begins and process.client is not None and process.client.site.dropout is not None:
            process.client.site.dropout.enter(process, running, ends=False)
        return (yield from steps)
    except simpy.Interrupt:
        return GONE
    finally:
        process.ended = process.env.now
        del running[process]


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


class Buffer:
    """A bounded first-in, first-out queue between processes, for pipelines and shuffles."""

    def __init__(self, env: simpy.Environment, room: float) -> None:
        self._store = simpy.Store(env, capacity=room)

    def __len__(self) -> int:
        return len(self._store.items)

    def put(self, item: Any) -> Steps:
        """Wait until there is room, then put the item in."""
        _note_wait(self._store._env)
        with self._store.put(item) as request:
            yield request

    def get(self) -> Steps:
        """Wait for an item; the value is the item."""
        _note_wait(self._store._env)
        request = self._store.get()
        try:
            return (yield request)
        except BaseException:  # the process was stopped: its request must not take an item from others
            if request.triggered:
                self._store.items.insert(0, request.value)
                self._store._trigger_get(None)
            request.cancel()
            raise


def _note_wait(env: simpy.Environment) -> None:
    """Note that the running process begins to wait now."""
    if isinstance(env.active_process, Process):
        env.active_process.since = env.now


class Concurrency:
    """A clock, and the processes that run concurrently on it.

    Attributes:
        env: the clock.
        processes: the processes that are not over, in the order in which they were started.
    """

    def __init__(self, env: simpy.Environment) -> None:
        self.env = env
        self.processes: dict[Process, None] = {}
        self._turns: dict[int, tuple[Any, simpy.Resource]] = {}

    @property
    def now(self) -> float:
        """Seconds on the simulated clock."""
        return float(self.env.now)

    def current_process(self) -> Process:
        """Return the process that is running now.

        Raises:
            RuntimeError: this is used outside of a process.
        """
        process = self.env.active_process
        if not isinstance(process, Process):
            raise RuntimeError("a verb was used outside of a process: use world.run or world.start")
        return process

    def start(self, steps: Steps, client: Participant | None = None) -> Handle:
        """Start a generator as a process that works for ``client``, or else for the client of the running process."""
        return Handle(Process(self, steps, client))

    def together(self, *steps: Steps | Handle, within: float | None = None, first: int | None = None) -> Steps:
        """Run generators concurrently, or wait for handles; the value is the list of their results, in order.

        Whatever ends this wait also stops all of them. If several fail at one moment, the first error is raised here.
        Results of processes that were stopped are left out.

        Args:
            steps: generators to start, or handles of generators that were started.
            within: seconds after which all that are not over are stopped; one that ends at that very moment counts as
                over, unless an enclosing ``together`` has a limit at that moment too. None to wait without a limit.
            first: how many results are enough: once so many are there, all that are not over are stopped. None to wait
                for all.
        """
        jobs = [job if isinstance(job, Handle) else self.start(job) for job in steps]
        failed: list[simpy.Event] = []
        enough = None if first is None else self.env.event()
        done: list[simpy.Event] = []  # in the order in which they ended
        reason = "stopped"

        def note(process: simpy.Event) -> None:
            if not process.ok:
                if failed:  # one error is raised here; no one would handle the others
                    process.defused = True
                failed.append(process)
            elif process.value is not GONE:
                done.append(process)
                if enough is not None and len(done) == first:
                    enough.succeed()

        for job in jobs:
            if job.process.callbacks is not None:
                job.process.callbacks.append(note)
            else:  # it is over
                note(job.process)
        all_over = self.env.all_of([job.process for job in jobs])
        ends = [all_over] if within is None else [all_over, self.last_at(within)]
        ends += [] if enough is None else [enough]
        try:
            yield all_over if len(ends) == 1 else self.env.any_of(ends)
            reason = LATE  # those that are not over
            if first is None:
                results = [job.process.value for job in jobs if not job.process.is_alive]
                return [result for result in results if result is not GONE]
            counted = set(done[:first])
            return [job.process.value for job in jobs if job.process in counted]
        finally:
            me = self.env.active_process
            if isinstance(me, Process) and me.stopped:
                reason = me.reason
            for job in jobs:
                job.stop(reason)

    def last_at(self, seconds: float, priority: EventPriority = LAST) -> simpy.Event:
        """Return an event after so many seconds, which comes after all else that happens at that moment."""
        event = self.env.event()
        event._ok, event._value = True, None
        self.env.schedule(event, priority, seconds)
        return event

    def buffer(self, room: float) -> Buffer:
        """Return a queue with room for this many items; ``float("inf")`` for no bound."""
        return Buffer(self.env, room)

    def exclusive(self, weights: Any) -> simpy.resources.resource.Request:
        """Return a request to hold shared weights over several services, granted in order of the requests.

        Use it as ``with world.exclusive(weights) as turn: yield turn``.
        """
        _note_wait(self.env)
        _, turns = self._turns.setdefault(id(weights), (weights, simpy.Resource(self.env)))
        return turns.request()

    def alone(self, weights: Any) -> simpy.resources.resource.Request:
        """Return ``exclusive(weights)``, under its former name."""
        warnings.warn("World.alone is called exclusive now", FutureWarning, stacklevel=2)
        return self.exclusive(weights)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Mark the rows of the running process, and of those it starts, as belonging to a phase."""
        process = self.current_process()
        outer, process.phase = process.phase, name
        try:
            dropout = None if process.client is None else process.client.site.dropout
            gives_up = dropout is not None and dropout.enter(process, self.processes)
            yield
            if gives_up:
                give_up(process, self.processes, DROPOUT)
        finally:
            process.phase = outer
