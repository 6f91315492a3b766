"""Shortest job first."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from simulator.scheduling.queues.base import Preempting

if TYPE_CHECKING:
    from simulator.world.queue import Job


class ShortestFirst(Preempting):
    """Shortest first: the waiting work that takes the fewest seconds is served next.

    With ``preempt: true`` it is the one with the fewest seconds left, also among those in service: shortest remaining
    processing time, which has the smallest mean time in the system of all disciplines (Schrage, 1968; recalled).
    """

    name: ClassVar[str] = "shortest_first"
    inherits: ClassVar[bool] = False  # who waits for weights has as much left as their writer, and more

    def key(self, job: Job) -> float:
        return job.left if self.preempt else job.seconds
