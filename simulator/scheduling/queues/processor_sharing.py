"""Processor sharing: all works at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from simulator.scheduling.queues.base import Queue

if TYPE_CHECKING:
    from simulator.world.queue import Job


class ProcessorSharing(Queue):
    """Processor sharing: nothing waits, and all works on a GPU share its slots equally, without a cost of switching.

    It is the limit of round robin for small slices of time (Kleinrock, 1967; recalled), and what a GPU comes near to
    that many processes use at once. Works stay on the GPU that had the fewest of them when they arrived.
    """

    name: ClassVar[str] = "processor_sharing"
    shares: ClassVar[bool] = True

    def key(self, job: Job) -> int:
        return 0
