"""The contract of a queue: the order in which a site serves waiting works."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from simulator.settings.base import Settings

if TYPE_CHECKING:
    from simulator.world.queue import Job
    from simulator.world.queue import Queue as Line


class Queue(Settings):
    """A queueing discipline: the waiting work with the smallest key is served next, and equal keys in order of arrival.

    Deferrable works (``Work.deferrable``) are served after all others, whatever their keys. What a key may depend on:
    ``job.seconds``, how long the work takes, and ``job.left``, how much of it is left; ``job.client``, for whom;
    ``job.asked``, when it was asked for; ``job.phase``, and the work itself.
    """

    name: ClassVar[str]
    shares: ClassVar[bool] = False
    """Whether all works are served at once and share the rate; then nothing has a key."""

    inherits: ClassVar[bool] = True
    """Whether a work that writes weights for which others wait takes the smallest of their keys, where it preempts."""

    @property
    def preempts(self) -> bool:
        """Whether a work in service is set aside for one with a smaller key, and goes on later."""
        return False

    @property
    def groups(self) -> Iterable[str]:
        """The groups of devices that it names."""
        return ()

    def line(self) -> Line:
        """Return the discipline for one site: itself, or an object of its own that remembers whom the site served."""
        return self

    def key(self, job: Job) -> Any:
        """Return the key by which a waiting work is ordered; all keys at a site must be comparable."""
        raise NotImplementedError


class Preempting(Queue):
    """A discipline that can also interrupt.

    Attributes:
        preempt: whether a work that arrives interrupts one in service with a larger key, which goes on later.
    """

    preempt: bool = False

    @property
    def preempts(self) -> bool:
        return self.preempt


def group_of(client: str | None) -> str:
    """Return the group of devices that a client belongs to, by its name; empty for works that are done for nobody."""
    return "" if client is None else client.rpartition("-")[0]
