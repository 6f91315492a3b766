"""Processes on the clock: what runs side by side, what waits, and what is stopped."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import simpy
from simpy.events import EventPriority

Steps = Generator[simpy.Event, Any, Any]
LAST = EventPriority(2)
"""SimPy serves what happens at one moment by priority; 0 and 1 are its own."""


class Participant(Protocol):
    """On whose behalf a process works: a client."""

    site: Any

    @property
    def name(self) -> str:
        """That of its site."""


class Gone:
    """What a process comes back with that was stopped."""

    def __repr__(self) -> str:
        return "GONE"


GONE = Gone()
"""The value of a process that was stopped."""


class Process(simpy.Process):
    """A SimPy process that knows for whom, in which phase and round it works; those it starts inherit all three."""

    def __init__(self, world: Concurrency, steps: Steps, client: Participant | None) -> None:
        parent = world.env.active_process
        inherits = isinstance(parent, Process)
        self.client: Participant | None = client or (parent.client if inherits else None)  # type: ignore[union-attr]
        self.client_name = self.client.name if self.client else None
        self.phase: str = parent.phase if inherits else ""  # type: ignore[union-attr]
        self.round: int = parent.round if inherits else 0  # type: ignore[union-attr]
        self.sites: tuple[Any, ...] = ()
        """Where the verb it waits in takes place."""
        self.stopped = False
        self.steps = _until_stopped(self, steps, world.processes)
        super().__init__(world.env, self.steps)
        world.processes[self] = None

    def needs(self, site: object) -> bool:
        """Whether it cannot go on without this site."""
        return site in self.sites or (self.client is not None and self.client.site is site)

    def stop(self) -> None:
        """End it at this moment, quietly; one that has not begun never does, one that is over stays as it is."""
        if self.is_alive:
            self.stopped = True
            self.interrupt("stop")


def _until_stopped(process: Process, steps: Steps, running: dict[Process, None]) -> Steps:
    """Told to stop, a process ends quietly; else every condition that holds it would fail with nobody there to hear."""
    try:
        return GONE if process.stopped else (yield from steps)
    except simpy.Interrupt:
        return GONE
    finally:
        del running[process]


class Handle:
    """A started generator: ``y = yield from handle`` waits for it. (A SimPy process itself cannot be iterated.)"""

    __slots__ = ("process",)

    def __init__(self, process: Process) -> None:
        self.process = process

    def __iter__(self) -> Steps:
        return (yield self.process)

    def stop(self) -> None:
        """End it: queued work is withdrawn, a transfer is cut short, service in progress finishes and is charged."""
        self.process.stop()


class Buffer:
    """A bounded queue between processes, for pipelines and shuffles."""

    def __init__(self, env: simpy.Environment, room: float) -> None:
        self._store = simpy.Store(env, capacity=room)

    def __len__(self) -> int:
        return len(self._store.items)

    def put(self, item: Any) -> Steps:
        """Wait for room, then leave the item there."""
        with self._store.put(item) as request:
            yield request

    def get(self) -> Steps:
        """Wait for an item; the value is that item."""
        request = self._store.get()
        try:
            return (yield request)
        except BaseException:  # whoever asked was stopped: the request must not take what is meant for others
            if request.triggered:
                self._store.items.insert(0, request.value)
                self._store._trigger_get(None)
            request.cancel()
            raise


class Concurrency:
    """A clock, and what runs side by side on it."""

    def __init__(self, env: simpy.Environment) -> None:
        self.env = env
        self.processes: dict[Process, None] = {}
        """Those that are not over, in the order in which they were started."""
        self._turns: dict[int, tuple[Any, simpy.Resource]] = {}

    @property
    def now(self) -> float:
        """Seconds on the simulated clock."""
        return float(self.env.now)

    def current_process(self) -> Process:
        """The process that a verb is used in."""
        process = self.env.active_process
        if not isinstance(process, Process):
            raise RuntimeError("a verb was used outside of a process: use world.run or world.start")
        return process

    def start(self, steps: Steps, client: Participant | None = None) -> Handle:
        """Let a generator run beside this one. It works for ``client``, or for the one that its starter works for."""
        return Handle(Process(self, steps, client))

    def together(self, *steps: Steps | Handle, within: float | None = None) -> Steps:
        """Run generators, or wait for handles, side by side; the value is what came back, in order.

        After ``within`` seconds those that are not back are stopped, and are not in the value; one that comes back at
        that very moment is. Whatever ends this wait ends them too. Where several fail at one moment, the first error is
        raised here.
        """
        jobs = [job if isinstance(job, Handle) else self.start(job) for job in steps]
        failed: list[simpy.Event] = []

        def note(process: simpy.Event) -> None:
            if not process.ok:
                if failed:  # one error is raised here: the others would find nobody
                    process.defused = True
                failed.append(process)

        for job in jobs:
            if job.process.callbacks is not None:  # else it is over
                job.process.callbacks.append(note)
        everyone = self.env.all_of([job.process for job in jobs])
        try:
            yield everyone if within is None else everyone | self._last_at(within)
            over = [job.process.value for job in jobs if not job.process.is_alive]
            return [value for value in over if value is not GONE]
        finally:
            for job in jobs:
                job.stop()

    def _last_at(self, seconds: float) -> simpy.Event:
        """An event in so many seconds, after all else that happens at that moment."""
        event = self.env.event()
        event._ok, event._value = True, None
        self.env.schedule(event, LAST, seconds)
        return event

    def buffer(self, room: float) -> Buffer:
        """A queue with this much room; ``float("inf")`` for no bound."""
        return Buffer(self.env, room)

    def exclusive(self, weights: Any) -> simpy.resources.resource.Request:
        """Hold shared weights over several services: ``with world.exclusive(weights) as turn: yield turn``."""
        _, turns = self._turns.setdefault(id(weights), (weights, simpy.Resource(self.env)))
        return turns.request()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Mark the rows of the process this stands in, and of those it starts, as belonging to a phase."""
        process = self.current_process()
        outer, process.phase = process.phase, name
        try:
            yield
        finally:
            process.phase = outer
