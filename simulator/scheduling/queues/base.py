"""The contract of a queue: which of the works that wait at a site is served next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from simulator.settings.base import Settings

if TYPE_CHECKING:
    from simulator.world.queue import Job


class Queue(Settings):
    """Orders the works that wait: the one with the smallest key is next, the first come among equals.

    Works that can wait (``Work.deferrable``) come after all others, whatever their keys.
    """

    name: ClassVar[str]

    def key(self, job: Job) -> Any:
        """What a waiting work is ordered by; keys of one site can be compared with each other."""
        raise NotImplementedError
