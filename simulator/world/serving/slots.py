"""Service in slots: each work has a slot of its own from beginning to end."""

from __future__ import annotations

import heapq

from simulator.world.queue import Job
from simulator.world.serving.base import Service


class Slots(Service):
    """Serves each work in one slot, without interruption, at the full rate."""

    __slots__ = ()

    @property
    def can_be_closed(self) -> bool:
        return type(self) is Slots and not (self.serving or self._ready or self._blocked)

    def arrive(self, job: Job) -> None:
        if self.free and not self._ready and (job.writes is None or id(job.writes) not in self._blocked):
            self._begin(job)
        else:
            self._wait(job)
            self._serve()

    def finish(self, job: Job) -> None:
        if job.aborted:
            return
        if job.writes is not None:
            job.do(self.site.world.observer)
        self._close(job)
        self._serve()

    def _serve(self) -> None:
        """Begin waiting works while slots are free; those whose weights are being written wait for the writer."""
        while self.free and self._ready:
            entry = heapq.heappop(self._ready)
            job = entry[2]
            if job.aborted:
                continue
            if self._is_blocked(job):
                self._block(entry)
            else:
                self._begin(job)

    def _begin(self, job: Job) -> None:
        self._open(job)
        self.env.schedule(job, delay=job.seconds)  # as simpy.Timeout does

    def _abort(self, job: Job, reason: str) -> None:
        job.aborted, job.reason = True, reason
        self._close(job, (self.env.now - job.start) / (job.seconds or 1.0))
