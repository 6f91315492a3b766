"""Service in slots, in which equal works of several clients share a pass."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from typing import Any

from simulator.world.queue import Batching, Job
from simulator.world.serving.base import Entry
from simulator.world.serving.slots import Slots


class Batches(Slots):
    """Serves works that have the same ``Work.batch_key`` together in one slot, as many as may share a pass.

    The first in the order of the queue begins, and takes with it those that wait for the same computation, in the same
    order. A pass that is not full may wait for more, while other works are served. How long a pass takes is said by
    the hardware; each work keeps the slot busy in proportion to what it would take alone.

    Attributes:
        batching: how many works share a pass, and how long one waits for others.
        passes: how many passes have been shared so far.
    """

    def __init__(self, site: Any, queue: Any, batching: Batching) -> None:
        super().__init__(site, queue)
        self.batching, self.passes = batching, 0
        self._alike: dict[Hashable, list[Entry]] = {}  # heaps, in which works that do not wait any more may still be
        self._waiting: dict[Hashable, int] = {}  # how many wait for the same computation
        self._together: dict[Job, list[Job]] = {}  # the works of the pass that each of them shares, in one list

    def arrive(self, job: Job) -> None:
        if job.writes is None:  # works that write the same weights are served one at a time
            job.key = job.work.batch_key(*job.args)
        entry = self._wait(job)
        if job.key is not None:
            heapq.heappush(self._alike.setdefault(job.key, []), entry)
            self._waiting[job.key] = self._waiting.get(job.key, 0) + 1
        self._serve()
        if not job.begun and job.key is not None and self.batching.wait:
            self.env.timeout(self.batching.wait).callbacks.append(lambda _: self._serve())

    def withdraw(self, job: Job) -> None:
        if not job.begun:
            self._forget(job)
        super().withdraw(job)

    def cut_short(self, reason: str) -> None:
        super().cut_short(reason)
        self._alike.clear()

    def _forget(self, job: Job) -> None:
        """Count a work no more among those that wait."""
        if job.key is not None:
            self._waiting[job.key] -= 1
            if not self._waiting[job.key]:
                del self._waiting[job.key]
                self._alike.pop(job.key, None)

    def _serve(self) -> None:
        held = []
        while self.free and self._ready:
            entry = heapq.heappop(self._ready)
            job = entry[2]
            if job.aborted or job.begun:
                continue
            if self._is_blocked(job):
                self._block(entry)
            elif job.key is None:
                self._begin(job)
            elif self._may_wait(job):
                held.append(entry)
            else:
                self._begin_pass(job)
        for entry in held:
            heapq.heappush(self._ready, entry)

    def _may_wait(self, job: Job) -> bool:
        """Return whether a work still waits for others to share a pass with."""
        return self.env.now < job.asked + self.batching.wait and self._waiting[job.key] < self.batching.most

    def _begin_pass(self, job: Job) -> None:
        """Begin a work together with those that wait for the same computation."""
        jobs, alike = [job], self._alike[job.key]
        while alike and len(jobs) < self.batching.most:
            other = heapq.heappop(alike)[2]
            if not (other is job or other.begun or other.aborted):
                jobs.append(other)
        for other in jobs:
            self._forget(other)
        if len(jobs) > 1:
            self.passes += 1
            alone = sum(other.seconds for other in jobs)
            seconds = self.site.hardware.together([other.cost for other in jobs])
            for other in jobs:
                other.share = other.seconds / alone if alone else 1 / len(jobs)
                other.batch, other.seconds = self.passes, seconds
                self._together[other] = jobs
        for other in jobs:
            self._begin(other)

    def _occupy(self, job: Job) -> None:
        first = self._together[job][0] if job in self._together else job
        if first is job:
            super()._occupy(job)
        else:
            job.gpu = first.gpu

    def _release(self, job: Job) -> None:
        jobs = self._together.pop(job, [job])
        jobs.remove(job)
        if not jobs:  # the last of its pass
            super()._release(job)
