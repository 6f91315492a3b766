"""Fair shares among clients."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from simulator.scheduling.queues.base import Queue, group_of
from simulator.settings.bounds import PositiveFactor

if TYPE_CHECKING:
    from simulator.world.queue import Job
    from simulator.world.queue import Queue as Line


class FairShare(Queue):
    """Fair shares: the site's time is divided among the clients that have works there, in proportion to their weights.

    Start-time fair queueing (Goyal, Vin and Cheng, 1996; recalled): a work's start tag is the later of the site's
    virtual time, which is the start tag of the work that began last, and the finish tag of its client's work before;
    its finish tag is seconds / weight later. The smallest start tag is served next. Where nothing waits or is in
    service any more, all start anew. Works that are done for no client count as those of one more.

    Attributes:
        weights: the weight of each client by its group, such as {raspberry-pi-4: 2}; others have 1.
    """

    name: ClassVar[str] = "fair_share"
    weights: dict[str, PositiveFactor] = Field(default={})

    @property
    def groups(self) -> Iterable[str]:
        return self.weights

    def line(self) -> Line:
        return Tags(self.weights)


class Tags:
    """The tags of one site.

    Args:
        weights: weights by group.

    Attributes:
        now: the virtual time.
    """

    def __init__(self, weights: dict[str, float]) -> None:
        self.now = 0.0
        self._weights = weights
        self._finish: dict[str | None, float] = defaultdict(float)  # by client
        self._start: dict[Job, float] = {}  # of the works that wait
        self._serving = 0  # how many works are in service

    def key(self, job: Job) -> float:
        """Return the start tag of a work that begins to wait."""
        if job not in self._start:
            start = self._start[job] = max(self.now, self._finish[job.client])
            self._finish[job.client] = start + self._charge(job)
        return self._start[job]

    def begun(self, job: Job) -> None:
        """Set the virtual time to the start tag of a work that begins."""
        self.now = max(self.now, self.key(job))
        del self._start[job]
        self._serving += 1

    def ended(self, job: Job) -> None:
        """Forget the past once nobody is there any more: an idle site owes nobody anything."""
        self._serving -= 1
        if not self._serving and not self._start:
            self.now = 0.0
            self._finish.clear()

    def withdrawn(self, job: Job) -> None:
        """Take back what a client was charged for a work that was not served."""
        if self._start.pop(job, None) is not None:
            self._finish[job.client] -= self._charge(job)

    def _charge(self, job: Job) -> float:
        return job.seconds / self._weights.get(group_of(job.client), 1.0)
