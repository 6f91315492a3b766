"""Service of all works at once, which share the rate of their GPU equally: egalitarian processor sharing."""

from __future__ import annotations

import heapq
import math
from typing import Any

import simpy

from simulator.world.queue import Job
from simulator.world.serving.base import Service


class Line:
    """The works on one GPU, in virtual time: the seconds of service that a work has had that was there from the start.

    As all works have the same rate, they end in the order of the virtual times of their ends, whoever comes or goes.

    Attributes:
        slots: how many works it serves at the full rate; more share it.
        attained: the virtual time, in seconds, as of ``updated``.
        updated: the clock at the last change, in seconds.
        ends: for each work, when it ends in virtual time.
        order: the same as a heap, in which works that have left may still be.
        alarm: the event at which the next work ends; one set before is out of date.
    """

    def __init__(self, slots: int, now: float) -> None:
        self.slots, self.attained, self.updated = slots, 0.0, now
        self.ends: dict[Job, float] = {}
        self.order: list[tuple[float, int, Job]] = []
        self.alarm: simpy.Event | None = None

    @property
    def rate(self) -> float:
        """The share of a slot that each work has."""
        return min(1.0, self.slots / len(self.ends)) if self.ends else 1.0

    def advance(self, now: float) -> None:
        """Bring the virtual time up to the present."""
        self.attained += (now - self.updated) * self.rate
        self.updated = now
        if not self.ends:
            self.attained = 0.0  # nobody is there to compare with: small numbers are exact


class Sharing(Service):
    """Serves all works at once; those on one GPU share its slots equally.

    A work goes to the GPU with the fewest works when it arrives, and stays there. Only works that write weights which
    another is writing wait, in the order of their arrival, those that can be put off (``Work.deferrable``) last. When
    nothing has to wait, the latter are served like all others.
    """

    def __init__(self, site: Any, queue: Any) -> None:
        super().__init__(site, queue)
        self._loads = [0] * site.hardware.gpus
        self._lines = [Line(site.hardware.slots, self.env.now) for _ in self._loads]

    def arrive(self, job: Job) -> None:
        self._wait(job)
        self._serve()

    def _serve(self) -> None:
        while self._ready:
            entry = heapq.heappop(self._ready)
            if entry[2].aborted:
                continue
            if self._is_blocked(entry[2]):
                self._block(entry)
            else:
                self._begin(entry[2])

    def _begin(self, job: Job) -> None:
        self._open(job)
        line = self._lines[job.gpu]
        line.advance(self.env.now)
        line.ends[job] = line.attained + job.seconds
        heapq.heappush(line.order, (line.ends[job], self._count(), job))
        self._set_alarm(line)

    def _set_alarm(self, line: Line) -> None:
        while line.order and line.order[0][2] not in line.ends:
            heapq.heappop(line.order)
        line.alarm = None
        if line.order:
            line.alarm = self.env.timeout(max(0.0, line.order[0][0] - line.attained) / line.rate)
            line.alarm.callbacks.append(lambda alarm: self._ring(line, alarm))

    def _ring(self, line: Line, alarm: simpy.Event) -> None:
        """End the work of an alarm, and those that end within the clock's resolution."""
        if alarm is not line.alarm:
            return
        line.attained, line.updated = line.order[0][0], self.env.now  # exactly: this is what the alarm was set for
        resolution = 4 * math.ulp(self.env.now) * line.rate
        done = []
        while line.order and line.order[0][0] - line.attained <= resolution:
            job = heapq.heappop(line.order)[2]
            if line.ends.pop(job, None) is not None:
                done.append(job)
        for job in done:
            if job.writes is not None:
                job.do(self.site.world.observer)
            self._end(job, job.seconds)
            self.env.schedule(job)
        self._set_alarm(line)
        self._serve()

    def finish(self, job: Job) -> None:
        """Do nothing: its service has ended when its line's alarm rang."""

    def _abort(self, job: Job, reason: str) -> None:
        job.aborted, job.reason = True, reason
        line = self._lines[job.gpu]
        line.advance(self.env.now)
        self._end(job, max(0.0, job.seconds - (line.ends.pop(job) - line.attained)))
        self._set_alarm(line)

    def _end(self, job: Job, served: float) -> None:
        taken = self.env.now - job.start
        job.share = min(1.0, served / taken) if taken > 0 else 1.0
        self._close(job, served / (job.seconds or 1.0))
