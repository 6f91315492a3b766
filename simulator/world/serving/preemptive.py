"""Service in slots, interrupted for works that the discipline puts first: preempt and resume."""

from __future__ import annotations

import heapq
import math
from typing import Any

import simpy

from simulator.accounting.ledger import SET_ASIDE
from simulator.world.queue import Job
from simulator.world.serving.base import Entry, Service


class Preemptive(Service):
    """Serves works in slots, and sets one aside where a work with a smaller key arrives and no slot is free.

    A work that is set aside keeps its memory, and the weights that it writes; it goes on where it was, on any GPU. If
    nobody wants its result any more, it ends there. While works wait for the weights that another is writing, that one
    has the smallest of their keys, if its own is larger (priority inheritance: Sha, Rajkumar and Lehoczky, 1990;
    recalled), so that they do not wait for works which come after them; a discipline may do without (``inherits``).
    """

    def __init__(self, site: Any, queue: Any) -> None:
        super().__init__(site, queue)
        self._alarms: dict[Job, simpy.Event] = {}  # of those in a slot
        self._resumed: dict[Job, float] = {}  # up to when their service is counted
        self._aside: dict[Job, float] = {}  # when each of the others lost its slot
        self._writers: dict[int, Job] = {}  # by id of the weights that they write
        self._interrupted = 0
        self._inherits = getattr(queue, "inherits", True)

    def arrive(self, job: Job) -> None:
        job.left = job.seconds
        self._wait(job)
        self._serve()

    def withdraw(self, job: Job) -> None:
        if job in self._aside:
            self._abort(job, job.process.reason or "stopped")
            self._serve()  # those that waited for its weights
        else:
            super().withdraw(job)

    def _serve(self) -> None:
        """Begin, or resume, the works with the smallest keys while slots are free, or can be taken from others."""
        while self._ready:
            entry = self._ready[0]
            job = entry[2]
            if job.aborted or (job.begun and job not in self._aside):  # it has ended, or was resumed by another entry
                heapq.heappop(self._ready)
            elif job.begun and entry[0] < self._key(job):  # it had a smaller key when works waited for it
                heapq.heapreplace(self._ready, (self._key(job), self._number(job), job))
            elif not job.begun and self._is_blocked(job):
                self._block(heapq.heappop(self._ready))
            elif self.free:
                heapq.heappop(self._ready)
                self._resume(job)
            elif not self._made_room(entry):
                return

    def _block(self, entry: Entry) -> None:
        super()._block(entry)
        writer = self._writers[id(entry[2].writes)]
        if writer in self._aside:  # it may have inherited a smaller key
            heapq.heappush(self._ready, (self._key(writer), self._number(writer), writer))

    def _key(self, job: Job) -> Any:
        """Return the key of a work whose service has begun: its own, or the smallest of those that wait for it."""
        own = job.work.deferrable, self.queue.key(job)
        waiting = self._blocked[id(job.writes)] if self._inherits and job.writes is not None else []
        while waiting and waiting[0][2].aborted:
            heapq.heappop(waiting)
        return min(own, waiting[0][0]) if waiting else own

    def _number(self, job: Job) -> int:
        assert job.number is not None, "every work waits first here"
        return job.number

    def _made_room(self, entry: Entry) -> bool:
        """Take the slot of the work that comes last, if it comes after this one; return whether it did."""
        for job in self._alarms:
            self._update(job)
        resolution = 4 * math.ulp(self.env.now)
        candidates = [job for job in self._alarms if job.left > resolution]  # the others end at this moment
        if not candidates:
            return False
        last = max(candidates, key=lambda job: (self._key(job), self._number(job)))
        if not entry[0] < self._key(last):
            return False
        if last.process.is_alive:
            self._set_aside(last)
        else:  # nobody wants it
            self._abort(last, last.process.reason or "stopped")
        return True

    def _set_aside(self, job: Job) -> None:
        del self._alarms[job]
        self._release(job)
        self._aside[job] = self.env.now
        if not job.aside:
            self._interrupted += 1
            job.aside = self._interrupted
        heapq.heappush(self._ready, (self._key(job), self._number(job), job))

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
            if job.writes is not None:
                self._writers[id(job.writes)] = job
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

    def _release(self, job: Job) -> None:
        if self._resumed.pop(job, None) is not None:  # else it has no slot
            super()._release(job)

    def _abort(self, job: Job, reason: str) -> None:
        job.aborted, job.reason = True, reason
        if job in self._aside:
            self.note_wait(job, self._aside.pop(job), SET_ASIDE)
        else:
            self._update(job)
        self._end(job)

    def _end(self, job: Job) -> None:
        self._alarms.pop(job, None)
        if job.writes is not None:
            del self._writers[id(job.writes)]
        served, taken = job.seconds - job.left, self.env.now - job.start
        if job.aside and taken > 0:
            job.share = min(1.0, served / taken)
        self._close(job, served / (job.seconds or 1.0))
