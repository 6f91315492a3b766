"""Works that wait for service at a site, and the order in which they are served."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import simpy

from simulator.accounting.costs import Work

if TYPE_CHECKING:
    from simulator.world.processes import Process


class Queue(Protocol):
    """Which of the works that wait is served next: the one with the smallest key, the first come among equals.

    Works that can wait (``Work.deferrable``) come after all others, whatever their keys.
    """

    def key(self, job: Job) -> Any:
        """What a waiting work is ordered by; keys of one site can be compared."""


class FirstCome:
    """First come, first served: what a site does that was given no other queue."""

    def key(self, job: Job) -> int:
        return 0


class Job(simpy.Event):
    """A work asked of a site, and the event of its end: one event a work.

    Args:
        finish: is called at the end of service, before the process that asked goes on.
    """

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
        self.work, self.args = work, args
        self.cost, self.writes, self.holds = work.cost(*args), work.writes(*args), work.holds(*args)
        self.asked = self.start = env.now
        self.seconds = 0.0
        self.begun = self.aborted = False
        assert self.callbacks is not None
        self.callbacks.append(finish)  # first, so that the result is there

    def do(self) -> None:
        """The real computation; what goes wrong in it is raised where it was asked for."""
        try:
            self._value = self.work.run(*self.args)
        except Exception as error:
            self._ok, self._value = False, error
