"""A process that follows a routine: it does in one place what a client's generators do in many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import simpy

from simulator.world.process import GONE, OVER, Process, Running, Steps
from simulator.world.queue import FirstCome, Job
from simulator.world.routine import Computes, Routine, Sends
from simulator.world.transfers import Sending, Transfers

if TYPE_CHECKING:
    from simulator.world.clients import Client


class Follower(Process):
    """A process that follows a routine, and can be stopped like any other.

    What it does at which moment, and in which order among others, is what the client's own steps would do.

    Args:
        world: the world.
        routine: the steps, and what they come to.
        client: the client; it must be able to follow one (``can_follow``).
    """

    __slots__ = ("_doing", "_place", "_routine", "_world")
    client: Client

    def __init__(self, world: Transfers, routine: Routine, client: Client) -> None:
        self._world, self._routine, self._place = world, routine, 0
        self._doing: Sending | Job | None = None
        super().__init__(world, OVER, client)

    def _run(self, steps: Steps, world: Running) -> Steps:
        return steps  # SimPy resumes nothing: ``_resume`` does it all

    def _resume(self, event: simpy.Event) -> None:
        """End the step that it was waiting for, and begin the next, where SimPy would resume a generator."""
        self.env._active_proc = self
        begins = self._doing is None
        try:
            if self._doing is not None:
                self._end_step(self._doing)
            if not event._ok or (begins and self.stopped):
                self._end(GONE)
            elif self._place == len(self._routine.steps):
                self._end(self._routine.outcome())
            else:
                self._target = self._begin_step(self._routine.steps[self._place])
                assert self._target.callbacks is not None
                self._target.callbacks.append(self._resume)
        except BaseException as error:
            self._end(error, False)
        self.env._active_proc = None

    def close(self) -> None:
        if self._doing is not None:
            self._end_step(self._doing)
        self._leave()

    def _begin_step(self, step: Sends | Computes) -> simpy.Event:
        """Begin a step, and return the event of its end."""
        client, self.phase = self.client, step.phase
        self._place += 1
        if isinstance(step, Computes):
            client.site.check_present(step.work.name)
            self._doing = job = client.site.ask(self, step.work)
            return job
        source, target = (client.site, client.server) if step.up else (client.server, client.site)
        source.check_present(step.kind)
        target.check_present(step.kind)
        self._doing = sending = self._world.begin_sending(self, source, target, step.kind, step.payload, step.nbytes)
        return sending.flow.done

    def _end_step(self, doing: Sending | Job) -> None:
        self._doing = None
        if isinstance(doing, Job):
            self.client.site.leave_job(self, doing)
            coming = self._routine.steps[self._place : self._place + 1]
            if not (coming and isinstance(coming[0], Computes)):
                self.client.site.rest()
        else:
            self._world.end_sending(self, doing)

    def _end(self, value: Any, ok: bool = True) -> None:
        """End the process, as the end of a generator does."""
        self._leave()
        self._ok, self._value = ok, value
        self.env.schedule(self)

    def _leave(self) -> None:
        self.ended, self._target = self.env.now, None  # type: ignore[assignment]
        self._world.processes.remove(self)


def can_follow(client: Client) -> bool:
    """Return whether a client's attempt is nothing but what a routine says: the device serves nobody else, never leaves
    by itself, and has nothing in memory yet.
    """
    site, server = client.site, client.server
    world, hardware = site.world, site.hardware
    return (
        not world.channels
        and world.observer is None
        and site.battery is None
        and site.dropout is None
        and site.presence is None
        and server.patience is None
        and hardware.slots == 1 == hardware.gpus
        and type(site.queue) is FirstCome
        and site.memory.is_idle
    )
