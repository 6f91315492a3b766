"""The contract of a service: what becomes of a work between the moment it is asked for and its row in the ledger."""

from __future__ import annotations

import heapq
from typing import Any

from simulator.accounting.ledger import WaitRow, WorkRow
from simulator.world.queue import Job, Queue

Entry = tuple[Any, int, Job]
"""A waiting work: its key, the number of its arrival, and itself."""


NOTHING: dict[int, list[Entry]] = {}
"""What is blocked where no work writes; never changed."""


class Service:
    """Serves the works of one site. Subclasses say when a work begins, and when it ends.

    A work that writes nothing is computed when its service begins. A work that writes weights is computed when its
    service ends, and works that write the same weights are served one at a time even if slots are free. So effects
    appear at the right time, without copies.

    Attributes:
        site: the site.
        queue: the order in which waiting works are served.
        free: how many slots are free, over all GPUs.
        serving: the works in service, in the order in which they began, those that are set aside included.
    """

    __slots__ = (
        *("__dict__", "_arrivals", "_begun", "_blocked", "_ended", "_loads", "_ready", "_withdrawn"),
        *("env", "free", "queue", "serving", "site"),
    )

    def __init__(self, site: Any, queue: Queue) -> None:
        self.site, self.env, self.queue = site, site.env, queue
        gpus, slots = site.hardware.gpus, site.hardware.slots
        self.free = gpus * slots
        self.serving: dict[Job, None] = {}
        self._loads = [0] * gpus if gpus > 1 else None  # the works in service, by GPU
        self._arrivals = 0
        self._ready: list[Entry] = []
        self._blocked = NOTHING  # by id of the weights that are being written
        self._begun = getattr(queue, "begun", None)
        self._withdrawn = getattr(queue, "withdrawn", None)
        self._ended = getattr(queue, "ended", None)

    @property
    def waiting(self) -> int:
        """The number of works that are queued, without those that are set aside."""
        queued = [self._ready, *self._blocked.values()]
        return sum(not (job.aborted or job.begun) for jobs in queued for _, _, job in jobs)

    @property
    def can_be_closed(self) -> bool:
        """Whether another service that is opened when a work comes would do the same as this one."""
        return False

    def arrive(self, job: Job) -> None:
        """Take a work that is asked for: it begins now, or waits."""
        raise NotImplementedError

    def finish(self, job: Job) -> None:
        """End the service of a work; called when the event of its end comes, before its process goes on."""
        raise NotImplementedError

    def withdraw(self, job: Job) -> None:
        """Take a work back: the process that asked for it was stopped. If its service has begun, that goes on."""
        if job.begun:
            return
        job.aborted = True
        if self._withdrawn is not None:
            self._withdrawn(job)
        self.note_wait(job, job.asked, job.process.reason or "stopped")

    def cut_short(self, reason: str) -> None:
        """End all service now, without an effect: the site is away.

        Args:
            reason: why, in a word or two.
        """
        for job in list(self.serving):
            self._abort(job, reason)
        self._ready.clear()

    def note_wait(self, job: Job, start: float, reason: str) -> None:
        """Record a wait that the row of no work will tell, from ``start`` until now.

        Args:
            job: the work that waited.
            start: when its wait began, in seconds of the clock.
            reason: what its row says.
        """
        if (seconds := self.env.now - start) > 0:
            who = self.site.name, job.client, job.work.name, job.phase, job.round
            self.site.world.ledger.waits.add(WaitRow(*who, start, seconds, job.attempt, reason, job.aside))

    def _is_blocked(self, job: Job) -> bool:
        """Return whether another work is writing the weights that this one writes."""
        return job.writes is not None and id(job.writes) in self._blocked

    def _wait(self, job: Job) -> Entry:
        """Put a work among those that wait for a slot, by its key of now."""
        if job.number is None:
            job.number = self._count()
        entry = (job.work.deferrable, self.queue.key(job)), job.number, job
        heapq.heappush(self._ready, entry)
        return entry

    def _count(self) -> int:
        """Return the number of the next arrival."""
        self._arrivals += 1
        return self._arrivals - 1

    def _block(self, entry: Entry) -> None:
        """Put a waiting work among those that wait for the weights that another work is writing."""
        heapq.heappush(self._blocked[id(entry[2].writes)], entry)

    def _open(self, job: Job) -> None:
        """Begin the service of a work: take its memory, and compute it if it writes nothing."""
        site = self.site
        self.serving[job] = None
        self._occupy(job)
        if site.battery is not None:
            site.battery.switch("compute", 1)
        if self._begun is not None:
            self._begun(job)
        job.begun, job.start = True, self.env.now
        site.weigh_changes()
        site.memory.begin(job.client, job.holds, job.cost.peak_bytes, job.work.name, job.round)
        job._ok, job._value = True, None
        if job.writes is None:  # a work that only reads does so now
            job.do(site.world.observer)
        else:  # a work that writes is alone with its weights, and is computed at the end
            if not self._blocked:
                self._blocked = {}
            self._blocked[id(job.writes)] = []

    def _abort(self, job: Job, reason: str) -> None:
        """End the service of a work before its time, charged for what it was served."""
        raise NotImplementedError

    def _occupy(self, job: Job) -> None:
        """Give a work a slot, on the GPU that has the fewest works."""
        self.free -= 1
        if self._loads is not None:
            job.gpu = self._loads.index(min(self._loads))
            self._loads[job.gpu] += 1

    def _release(self, job: Job) -> None:
        """Free the slot of a work."""
        self.free += 1
        if self._loads is not None:
            self._loads[job.gpu] -= 1

    def _close(self, job: Job, done: float = 1.0) -> None:
        """End a work: free what it held, and write its row.

        Args:
            job: the work.
            done: the part of it that was done, if it was cut short.
        """
        site = self.site
        del self.serving[job]
        job.args = ()  # a process keeps its last job, which must not keep its arguments alive
        self._release(job)
        if self._ended is not None:
            self._ended(job)
        if site.battery is not None:
            site.battery.switch("compute", -1)
        cost = job.cost
        discarded = job.aborted or not job.process.is_alive  # no one is there to keep anything
        site.memory.end(job.client, cost.peak_bytes, 0 if discarded else cost.kept_bytes)
        if job.writes is not None:
            for entry in self._blocked.pop(id(job.writes)):
                heapq.heappush(self._ready, entry)
        flops, touched = cost.flops, cost.bytes_touched
        reason = (job.reason or job.process.reason or "stopped") if discarded else ""
        if job.aborted:
            flops, touched = round(flops * done), round(touched * done)
        site.world.ledger.works.add(
            WorkRow(
                site.name,
                job.client,
                job.work.name,
                job.phase,
                job.round,
                job.asked,
                job.start,
                self.env.now - job.start,
                flops,
                touched,
                job.attempt,
                discarded,
                reason,
                job.gpu,
                job.share,
                job.batch,
                job.aside,
            )
        )
        if not self.serving:
            site.end_overtime()
