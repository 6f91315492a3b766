"""Service in slots, interrupted for works that the discipline puts first: preempt and resume."""

from __future__ import annotations

import heapq
from typing import Any

import simpy

from simulator.accounting.ledger import SET_ASIDE
from simulator.world.queue import Job
from simulator.world.serving.base import Entry, Service


class Preemptive(Service):
    """Serves works in slots, and sets one aside where a work with a smaller key arrives and no slot is free.

    A work that is set aside keeps its memory, and the weights that it writes; it goes on where it was, on any GPU. If
    the process that asked for it is stopped meanwhile, it ends there.
    """

    def __init__(self, site: Any, queue: Any) -> None:
        super().__init__(site, queue)
        self._alarms: dict[Job, simpy.Event] = {}  # of those in a slot
        self._resumed: dict[Job, float] = {}  # when each of them was given its slot
        self._aside: dict[Job, float] = {}  # when each of the others lost it

    def arrive(self, job: Job) -> None:
        job.left = job.seconds
        self._wait(job)
        self._serve()

    def withdraw(self, job: Job) -> None:
        if job in self._aside:
            self._abort(job, job.process.reason or "stopped")
        else:
            super().withdraw(job)

    def _serve(self) -> None:
        """Begin, or resume, the works with the smallest keys while slots are free, or can be taken from others."""
        while self._ready:
            entry = self._ready[0]
            job = entry[2]
            if job.aborted:
                heapq.heappop(self._ready)
            elif not job.begun and self._is_blocked(job):
                self._block(heapq.heappop(self._ready))
            elif self.free or self._made_room(entry):
                heapq.heappop(self._ready)  # still the first: what was set aside for it comes after it
                self._resume(job)
            else:
                return

    def _made_room(self, entry: Entry) -> bool:
        """Set aside the work in a slot that comes last, if it comes after this one; return whether it did."""
        for job in self._alarms:
            self._update(job)
        last = max(self._alarms, key=lambda job: (job.work.deferrable, self.queue.key(job), job.number))
        if not entry[0] < (last.work.deferrable, self.queue.key(last)):
            return False
        del self._alarms[last], self._resumed[last]
        self._aside[last] = self.env.now
        last.interrupted = True
        self._release(last)
        self._wait(last)
        return True

    def _update(self, job: Job) -> None:
        """Note how much of a work in a slot is left by now."""
        now = self.env.now
        job.left = max(0.0, job.left - (now - self._resumed[job]))
        self._resumed[job] = now

    def _resume(self, job: Job) -> None:
        if job.begun:
            self.note_wait(job, self._aside.pop(job), SET_ASIDE)
            self._occupy(job)
        else:
            self._open(job)
        self._resumed[job] = self.env.now
        alarm = self._alarms[job] = self.env.timeout(job.left)
        alarm.callbacks.append(lambda alarm: self._ring(job, alarm))

    def _ring(self, job: Job, alarm: simpy.Event) -> None:
        if self._alarms.get(job) is not alarm:
            return  # it was set aside, or has ended
        job.left = 0.0
        if job.writes is not None:
            job.do(self.site.world.observer)
        self._end(job)
        self.env.schedule(job)
        self._serve()

    def finish(self, job: Job) -> None:
        """Do nothing: its service has ended when its alarm rang."""

    def _abort(self, job: Job, reason: str) -> None:
        job.aborted, job.reason = True, reason
        if job in self._aside:
            self.note_wait(job, self._aside.pop(job), SET_ASIDE)  # the work's own row says why it ended
            self._occupy(job)  # for no time: closing it frees a slot
        else:
            self._update(job)
        self._end(job)

    def _end(self, job: Job) -> None:
        self._alarms.pop(job, None)
        self._resumed.pop(job, None)
        served, taken = job.seconds - job.left, self.env.now - job.start
        if job.interrupted and taken > 0:
            job.share = min(1.0, served / taken)
        self._close(job, served / (job.seconds or 1.0))
