"""``Job``, a work that was asked of a site and may have to wait there, and ``Queue``, the interface of a queue.

The disciplines that a scenario can name are in ``scheduling.queues``. ``FirstCome`` is here because a site that is
given no queue, such as a device, needs one, and this package does not import ``scheduling``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import simpy
from simpy.events import PENDING

from simulator.accounting.costs import Work

if TYPE_CHECKING:
    from simulator.world.processes import Process


class Queue(Protocol):
    """The order of service: the waiting work with the smallest key is served next, the first to arrive among equals.

    Deferrable works (``Work.deferrable``) come after all others, whatever their keys.

    A queue may also have ``begun(job)``, ``ended(job)`` and ``withdrawn(job)``, called when the service of a work
    begins or ends, and when a waiting work is taken back; and ``preempts``, ``inherits`` or ``shares``, as
    ``scheduling.queues.base`` says.
    """

    def key(self, job: Job) -> Any:
        """Return the key of a waiting work; all keys at one site must be comparable."""


class Batching(NamedTuple):
    """Which works of several clients share one pass at a site.

    Attributes:
        most: how many works may share a pass.
        wait: how long a work waits for others to share a pass with, in seconds, while a slot is free.
    """

    most: int
    wait: float = 0.0


class FirstCome:
    """First come, first served: the order at a site without another queue."""

    def key(self, job: Job) -> int:
        """Return the same key for all."""
        return 0


class Job(simpy.Event):
    """A work that was asked of a site, and at the same time the event of its end.

    Args:
        env: the clock.
        process: the process that asked for it.
        work: the work.
        args: its arguments.
        finish: called at the end of service, before the process goes on.

    Attributes:
        process, work, args: as given.
        client, phase, round, attempt: those of the process when it asked; the client by its name.
        cost, writes, holds: what the work says for these arguments.
        asked: when it was asked for, in seconds of the clock.
        start: when its service began.
        seconds: how long its service takes.
        begun: whether its service has begun.
        aborted: whether it was withdrawn or cut short.
        reason: why it was cut short, in a word or two; empty if it was not.
        gpu, share, batch, aside: as in its row of the ledger.
        number: its number among those that have waited at its site, by arrival; None if it has not.
        left: how many seconds of service it lacks, where service is interrupted.
        key: what is equal for works that can share a pass with it; None: it shares none.
    """

    __slots__ = (
        *("aborted", "args", "asked", "attempt", "begun", "client", "cost", "holds", "number", "phase", "process"),
        *("reason", "round", "seconds", "start", "work", "writes"),
    )
    gpu, share, batch, aside = 0, 1.0, 0, 0  # these are the same for most
    left = 0.0
    key: Hashable | None = None

    def __init__(
        self,
        env: simpy.Environment,
        process: Process,
        work: Work,
        args: tuple[Any, ...],
        finish: Callable[[Job], None],
    ) -> None:
        super().__init__(env)
        self.process = process
        self.client, self.phase, self.round = process.client_name, process.phase, process.round
        self.attempt = process.attempt
        self.work, self.args = work, args
        self.cost, self.writes, self.holds = work.cost(*args), work.writes(*args), work.holds(*args)
        self.asked = self.start = env.now
        self.seconds = 0.0
        self.begun = self.aborted = False
        self.reason = ""
        self.number: int | None = None
        self._ok, self._value = True, PENDING  # so that there is room for them, as for what every work has
        assert self.callbacks is not None
        self.callbacks.append(finish)  # the first callback, so that the result is there for the others

    def do(self, observer: Callable[[str, Any], None] | None = None) -> None:
        """Run the real computation; an exception in it is raised in the process that asked.

        Args:
            observer: called with the client, if it was done for one that still wants it, and the result.
        """
        try:
            self._value = self.work.run(*self.args)
            if observer is not None and self.client is not None and not self.process.stopped:
                observer(self.client, self._value)
        except Exception as error:
            self._ok, self._value = False, error
