"""The world: a clock, sites, clients, a network, and what happens side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import simpy

from simulator.accounting.ledger import AbsenceRow, EngagementRow, Ledger, RoundRow, TransferRow
from simulator.world.clients import Channel, Client
from simulator.world.network import Flow, Link, Network
from simulator.world.processes import Process, Steps
from simulator.world.sites import Site, Surroundings


class Wire(Protocol):
    """What happens to a payload between sender and receiver."""

    def carry(self, payload: Any) -> tuple[Any, int]:
        """The receiver's own copy, and the bytes that cross the link."""


class World(Surroundings):
    """Sites and clients on one clock. ``start`` is the clock's first second.

    ``channels``, by kind and direction ("up" or "down"), are what clients' payloads go through; others are only sent.
    """

    def __init__(
        self, wire: Wire, start: float = 0.0, channels: Mapping[tuple[str, str], Channel] | None = None
    ) -> None:
        super().__init__(simpy.Environment(initial_time=start))
        self.wire, self.start_time, self.channels = wire, start, channels or {}
        self.network = Network(self.env)
        self.ledger = Ledger()
        self.sites: list[Site] = []
        self.clients: list[Client] = []
        self.server: Site
        self.aggregations = 0
        """How many there were: what is shared at the server goes by it."""

    def run(self, steps: Steps) -> Any:
        """Run a generator to its end, and end with it all that still runs; the value is what it returns.

        Raises:
            RuntimeError: as ``advance``.
        """
        try:
            return self.advance(steps)
        finally:
            self.end()

    def advance(self, steps: Steps) -> Any:
        """Run a generator to its end; the value is what it returns. What runs beside it goes on with the next.

        Raises:
            RuntimeError: a site left that the generator itself was waiting for.
        """
        process = Process(self, steps, None)
        value = self.env.run(process)
        if process.stopped:
            raise RuntimeError("the run was stopped: a site left while the driver was waiting for it")
        return value

    def end(self) -> None:
        """Stop what still runs, charged as far as it came; nothing can happen in this world after that."""
        for process in list(self.processes):  # else garbage collection ends them, and the ledger grows after the end
            process.steps.close()
        self.processes.clear()
        for site in self.sites:
            site.cut_short()
            if site.away_since is not None:  # an absence that lasts to the end
                self.ledger.absences.add(AbsenceRow(site.name, site.away_since, self.now - site.away_since))

    def path(self, source: Site, target: Site) -> tuple[Link, ...]:
        """The links between two sites: up from one, down to the other."""
        return () if source is target else (source.uplink, target.downlink)

    def send(self, source: Site, target: Site, payload: Any, kind: str) -> Steps:
        """Send the measured bytes over every link of the path; the value is the receiver's own copy.

        Raises:
            TypeError: the payload holds something that is neither a tensor nor a number.
            RuntimeError: one of the sites is away, or this is used outside of a process.
        """
        process, start = self.current_process(), self.now
        source.check_present(kind)
        target.check_present(kind)
        copy, nbytes = self.wire.carry(payload)
        path = self.path(source, target)
        flow = self.network.send(path, nbytes)
        process.sites = (source, target)
        try:
            yield flow.done
        finally:  # its sender was stopped: the flow ends here, and what was sent is lost
            self._end_transfer(process, kind, start, nbytes, self.network.cancel(flow), flow.done.triggered)
        return copy

    def broadcast(self, source: Site, clients: Sequence[Client], payload: Any, kind: str) -> Steps:
        """Send one payload to several clients; it crosses the source's uplink once, and each client's downlink.

        The value is what each received, by client, of those that did: who is away, or leaves before, is not in it. A
        client has the payload when both the uplink and its own downlink have carried it; where the uplink is the slower
        one, the downlink is busy at its own rate all the same. Each client's transfer is a row of the ledger.

        Raises:
            TypeError: the payload holds something that is neither a tensor nor a number.
            RuntimeError: the source is away, or this is used outside of a process.
        """
        source.check_present(kind)
        there = [client for client in clients if client.site.away_since is None]
        if not there:
            return {}
        copies = [self.wire.carry(payload) for _ in there]
        shared = self.network.send((source.uplink,), copies[0][1])
        ended: list[float] = []
        shared.done.callbacks.append(lambda _: ended.append(self.now))
        jobs = [
            self.start(self._receive(source, client, copy, nbytes, kind, shared, ended), client)
            for client, (copy, nbytes) in zip(there, copies, strict=True)
        ]
        try:
            return dict((yield from self.together(*jobs)))
        finally:
            self.network.cancel(shared)

    def _receive(
        self, source: Site, client: Client, copy: Any, nbytes: int, kind: str, shared: Flow, ended: list[float]
    ) -> Steps:
        """One client's part of a broadcast, of which ``shared`` is the flow over the uplink, over when ``ended`` says;
        the value is the client and its copy."""
        process, start, downlink = self.current_process(), self.now, client.site.downlink
        flow = self.network.send((downlink,), nbytes, after=source.uplink.latency)
        process.sites, arrived = (source, client.site), False
        try:
            yield self.env.all_of([flow.done, shared.done])
            behind = ended[0] + downlink.latency - self.now  # the last byte, where the uplink was the slower one
            if behind > 0:
                yield self.env.timeout(behind)
            arrived = True
        finally:
            left = max(self.network.cancel(flow), 0 if ended else shared.left)
            self._end_transfer(process, kind, start, nbytes, left, arrived)
        return client, copy

    def _end_transfer(self, process: Process, kind: str, start: float, nbytes: int, left: float, arrived: bool) -> None:
        """Write down a transfer that is over, between the sites that a process waited for."""
        source, target = process.sites
        process.sites = ()
        sent = nbytes if arrived else round(nbytes - left)
        latency = min(sum(link.latency for link in self.path(source, target)), self.now - start)
        self.ledger.transfers.add(
            TransferRow(
                source.name,
                target.name,
                process.client_name,
                kind,
                process.phase,
                process.round,
                start,
                self.now - start,
                sent,
                0 if arrived else sent,
                latency,
            )
        )

    @contextmanager
    def round(self, number: int, cohort: list[Client]) -> Iterator[None]:
        """One aggregation in which this cohort takes part from beginning to end, waiting included."""
        process, start = self.current_process(), self.now
        process.round = number
        try:
            yield
        finally:
            seconds = self.now - start
            self.ledger.rounds.add(RoundRow(number, start, seconds))
            for client in cohort:
                self.end_engagement(client, number, start)

    def end_engagement(self, client: Client, number: int, start: float) -> None:
        """Write down that a client took part from ``start`` till now, and free what was held in memory for it."""
        self.ledger.engagements.add(EngagementRow(client.name, number, start, self.now - start))
        client.site.weigh()
        client.server.weigh()
        client.site.memory.release(client.name)
        client.server.memory.release(client.name)
