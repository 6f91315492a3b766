"""The first-in, first-out queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from simulator.scheduling.queues.base import Queue

if TYPE_CHECKING:
    from simulator.world.queue import Job


class Fifo(Queue):
    """First in, first out: works are served in the order in which they arrive."""

    name: ClassVar[str] = "fifo"

    def key(self, job: Job) -> int:
        return 0
