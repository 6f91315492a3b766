"""Earliest deadline first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from simulator.scheduling.queues.base import Preempting, group_of
from simulator.settings.units import Duration

if TYPE_CHECKING:
    from simulator.world.queue import Job


class EarliestDeadline(Preempting):
    """Earliest deadline first (Liu and Layland, 1973; recalled): the work that is due first is served next.

    A work that misses its deadline is served all the same.

    Attributes:
        within: how long after it was asked for a work is due.
        groups_within: the same by group of devices, such as {raspberry-pi-4: 100 ms}; others have ``within``.
    """

    name: ClassVar[str] = "earliest_deadline"
    within: Duration = 1.0
    groups_within: dict[str, Duration] = Field(default={})

    @property
    def groups(self) -> Iterable[str]:
        return self.groups_within

    def key(self, job: Job) -> float:
        return job.asked + self.groups_within.get(group_of(job.client), self.within)
