"""Which processes are not over, and which of them concern a site: found without a look at all the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulator.world.process import Participant, Process


class Processes:
    """The processes that are not over, in the order in which they were started."""

    def __init__(self) -> None:
        self._all: dict[Process, int] = {}  # with their numbers
        self._started = 0
        self._of: dict[Any, tuple[Process, ...]] = {}  # by client, of whom each has few
        self._of_nobody: dict[Process, None] = {}
        self._visitors: dict[Any, dict[Process, None]] = {}  # by device, those of other clients that have ever used it

    def __iter__(self) -> Iterator[Process]:
        return iter(self._all)

    def __reversed__(self) -> Iterator[Process]:
        return reversed(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def add(self, process: Process) -> None:
        """Add a process that begins."""
        self._started += 1
        self._all[process] = self._started
        client = process.client
        if client is None:
            self._of_nobody[process] = None
            return
        self._of[client] = *self._of.get(client, ()), process
        if client not in client.site.clients:
            self.note_visit(process, client.site)

    def note_visit(self, process: Process, site: Any) -> None:
        """Note that a process uses a device whose clients it does not work for."""
        visitors = self._visitors.setdefault(site, {})
        if process in visitors:
            return
        visitors[process] = None
        if process.visits is None:
            process.visits = []
        process.visits.append(site)

    def remove(self, process: Process) -> None:
        """Remove a process that is over."""
        del self._all[process]
        for site in process.visits or ():
            visitors = self._visitors.get(site, {})
            visitors.pop(process, None)
            if not visitors:
                self._visitors.pop(site, None)
        if process.client is None:
            del self._of_nobody[process]
            return
        others = tuple(other for other in self._of[process.client] if other is not process)
        if others:
            self._of[process.client] = others
        else:
            del self._of[process.client]

    def clear(self) -> None:
        """Remove all of them."""
        self._all.clear()
        self._of.clear()
        self._of_nobody.clear()
        self._visitors.clear()

    def of(self, client: Participant | None) -> tuple[Process, ...]:
        """Return those that work for a client."""
        return tuple(self._of_nobody) if client is None else self._of.get(client, ())

    def ended_by_leaving(self, site: Any) -> list[Process]:
        """Return those that cannot go on without a site, with all others of the same clients, in their order.

        Args:
            site: the site. Only its own clients' processes need a device, those of nobody, and those that have used it
                for other clients; the server and edges may be needed by all.
        """
        if not site.clients:
            needing = [process for process in self._all if process.needs(site)]
        else:
            guests = *self._of_nobody, *self._visitors.get(site, ())
            needing = [process for process in guests if process.needs(site)]
            needing += [process for client in site.clients for process in self.of(client)]
        ended = {process for process in needing if process.client is None}
        for client in {process.client for process in needing if process.client is not None}:
            ended.update(self.of(client))
        return sorted(ended, key=self._all.__getitem__)
