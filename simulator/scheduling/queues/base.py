"""The contract of a queue: the order in which a site serves waiting works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from simulator.settings.base import Settings

if TYPE_CHECKING:
    from simulator.world.queue import Job


class Queue(Settings):
    """A queueing discipline: the waiting work with the smallest key is served next, and equal keys in order of arrival.

    Deferrable works (``Work.deferrable``) are served after all others, whatever their keys.
    """

    name: ClassVar[str]

    def key(self, job: Job) -> Any:
        """Return the key by which a waiting work is ordered; all keys at a site must be comparable."""
        raise NotImplementedError
