"""Processes on the simulated clock: what runs concurrently, waits, and is stopped."""

from __future__ import annotations

import warnings
from typing import Any

import simpy
from simpy.events import EventPriority

from simulator.world.buffers import Buffer as Buffer
from simulator.world.buffers import note_wait
from simulator.world.clock import Clock
from simulator.world.phases import Phase
from simulator.world.process import GONE as GONE
from simulator.world.process import CutOff as CutOff
from simulator.world.process import Gone as Gone
from simulator.world.process import Handle as Handle
from simulator.world.process import Participant as Participant
from simulator.world.process import Process as Process
from simulator.world.process import Steps as Steps
from simulator.world.running import Processes

LAST = EventPriority(2)
"""A priority after all others at the same moment; SimPy itself uses 0 and 1."""
END = EventPriority(3)
"""A priority after even those: at the end of a trial."""


LATE = "late"
"""A reason: others did not wait any longer."""


class Concurrency:
    """A clock, and the processes that run concurrently on it.

    Attributes:
        env: the clock.
        processes: the processes that are not over.
    """

    def __init__(self, env: Clock) -> None:
        self.env = env
        self.processes = Processes()
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
        note_wait(self.env)
        _, turns = self._turns.setdefault(id(weights), (weights, simpy.Resource(self.env)))
        return turns.request()

    def alone(self, weights: Any) -> simpy.resources.resource.Request:
        """Return ``exclusive(weights)``, under its former name."""
        warnings.warn("World.alone is called exclusive now", FutureWarning, stacklevel=2)
        return self.exclusive(weights)

    def phase(self, name: str) -> Phase:
        """Mark the rows of the running process, and of those it starts, as belonging to a phase: a context."""
        return Phase(self, name)
