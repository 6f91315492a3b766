"""The world: one clock with sites, clients, a network and concurrent processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import simpy

from simulator.accounting.ledger import AbsenceRow, EngagementRow, Ledger, RoundRow, TransferRow
from simulator.settings.moved import former
from simulator.world.battery import Transfer
from simulator.world.clients import Channel, Client, Forecast
from simulator.world.network import Flow, Link, Network, crossing
from simulator.world.processes import LATE, CutOff, Process, Steps
from simulator.world.sites import Site, Surroundings
from simulator.world.standstill import OUTAGE, UNFINISHED, standstill

__getattr__ = former(__name__, "simulator.world.processes")


class Wire(Protocol):
    """What a wire does to a payload between sender and receiver."""

    def carry(self, payload: Any) -> tuple[Any, int]:
        """Return the receiver's own copy, and the bytes that cross the link."""


def _no_forecast(client: Client) -> Forecast:
    raise RuntimeError(f"nobody can tell what a round of {client.name} costs: this world has no forecast")


class World(Surroundings):
    """Sites and clients on one clock.

    Attributes:
        wire: what copies payloads and counts their bytes.
        start_time: the clock at the start, in seconds.
        channels: by kind and direction (``up`` or ``down``), what the payloads of clients go through; other payloads
            are only sent.
        network: the flows that are under way.
        ledger: the record of the run.
        sites, clients: all of them, in the order in which they were added.
        cohort: the clients of the round that is under way, or of the last one.
        server: the site of the server; whoever builds the world sets it.
        aggregations: how many aggregations there have been; it keys what is shared at the server.
        updates: how many updates have been aggregated.
        bytes_sent: what devices have sent and received so far, in bytes.
        main: the process that ``advance`` runs, or has run last.
        forecast: predicts what a round of a client costs; whoever builds the world may set it.
        observer: called with the name of the client and the result after each work that was done for one; usually None.
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
        self.cohort: list[Client] = []
        self.server: Site
        self.aggregations = self.updates = self.bytes_sent = 0
        self.main: Process | None = None
        self.forecast: Callable[[Client], Forecast] = _no_forecast
        self._interrupted = False

    def run(self, steps: Steps) -> Any:
        """Run a generator to its end, then end all else that still runs; return what the generator returns.

        Raises:
            RuntimeError: a site left that the generator itself was waiting for.
        """
        try:
            return self.advance(steps)
        finally:
            self.end()

    def advance(self, steps: Steps) -> Any:
        """Run a generator to its end, and return what it returns; all else that runs goes on in the next call.

        The value is ``GONE`` if an outage of the server stopped it.

        Raises:
            RuntimeError: a site left that the generator itself was waiting for.
            StandstillError: nothing more can happen, and the generator has not ended.
        """
        process = self.main = Process(self, steps, None)
        try:
            value = self.env.run(process)
        except KeyboardInterrupt:  # it may come in the middle of any step, and what is half done cannot be ended
            self._interrupted = True
            raise
        except RuntimeError as error:
            if process.triggered or not str(error).startswith("No scheduled events left"):
                raise
            raise standstill(self) from None
        if process.stopped and process.reason != OUTAGE:
            raise RuntimeError("the run was stopped: a site left while the driver was waiting for it")
        return value

    def current_reason(self) -> str:
        """Return why the process that ``advance`` runs ends early: an outage, or that the trial is over."""
        return (self.main.reason if self.main else "") or UNFINISHED

    def end(self) -> None:
        """Stop all that still runs, charged for the time served; nothing can happen in this world afterwards."""
        if self._interrupted:
            return
        for process in list(self.processes):  # otherwise garbage collection would end them, and add to the ledger later
            process.reason = process.reason or UNFINISHED
            process.steps.close()
        self.processes.clear()
        for site in self.sites:
            site.cut_short(UNFINISHED)
            if site.away_since is not None:  # absent until the end
                self.ledger.absences.add(
                    AbsenceRow(site.name, site.away_since, self.now - site.away_since, site.away_for)
                )
            if site.battery is not None:
                site.battery.note("end")

    def path(self, source: Site, target: Site) -> tuple[Link, ...]:
        """Return the links between two sites: the uplink of the source, and the downlink of the target."""
        return () if source is target else (source.uplink, target.downlink)

    def send(self, source: Site, target: Site, payload: Any, kind: str) -> Steps:
        """Send a payload from one site to another; the value is the receiver's own copy.

        Its bytes, as the wire counts them, cross every link of the path; where links lose bytes, more cross it, until
        all have arrived.

        Args:
            source, target: the sites.
            payload: tensors and numbers in dicts, lists and tuples.
            kind: the kind of payload, such as "smashed data".

        Raises:
            TypeError: the payload holds something that is neither a tensor nor a number.
            RuntimeError: one of the sites is away, and nobody waits for it; or this is used outside of a process.
        """
        process = self.current_process()
        for site in (source, target):
            while site.away_since is not None:
                yield from self.until_back(site, kind)
        start = process.since = self.now
        copy, nbytes = self.wire.carry(payload)
        path = self.path(source, target)
        sending = crossing(path, nbytes)
        flow = self.network.send(path, sending)
        process.sites = (source, target)
        metered = source.battery is not None or target.battery is not None
        drawing = Transfer(process.sites, sum(link.latency for link in path)) if metered else None
        try:
            yield flow.done
        finally:  # if the sender was stopped, the flow ends here, and what was sent is lost
            left = self.network.cancel(flow)
            if not flow.done.triggered and sending:
                process.cut_off = CutOff(kind, copy, 1 - left / sending)
            if drawing is not None:
                drawing.end()
            arrived = nbytes if flow.done.triggered else None
            if arrived is None and kind == process.keeps_part_of and process.reason == LATE:
                arrived = round((sending - left) * nbytes / (sending or 1))
            self._end_transfer(process, kind, start, sending, left, arrived)
        return copy

    def broadcast(self, source: Site, clients: Sequence[Client], payload: Any, kind: str) -> Steps:
        """Send one payload to several clients; it crosses the source's uplink once, and each client's downlink.

        The value is each client's own copy, by client; clients that are away, or leave before they have it, are not in
        it. A client has the payload when both the uplink and its own downlink have carried it. If the uplink is slower,
        the downlink is still busy at its own rate. The transfer to each client is a row of the ledger.

        What the uplink loses is sent again over the uplink alone, and what a downlink loses over that downlink alone.
        The rows count the bytes of the downlinks; the uplink's loss is in how long the transfers last.

        Args:
            source: the site that sends.
            clients: the receivers.
            payload: tensors and numbers in dicts, lists and tuples.
            kind: the kind of payload, such as "model".

        Raises:
            TypeError: the payload holds something that is neither a tensor nor a number.
            RuntimeError: the source is away, or this is used outside of a process.
        """
        source.check_present(kind)
        present = [client for client in clients if client.site.away_since is None]
        if not present:
            return {}
        copies = [self.wire.carry(payload) for _ in present]
        shared = self.network.send((source.uplink,), crossing((source.uplink,), copies[0][1]))
        ended: list[float] = []
        shared.done.callbacks.append(lambda _: ended.append(self.now))
        jobs = [
            self.start(self._receive(source, client, copy, nbytes, kind, shared, ended), client)
            for client, (copy, nbytes) in zip(present, copies, strict=True)
        ]
        try:
            return dict((yield from self.together(*jobs)))
        finally:
            self.network.cancel(shared)

    def _receive(
        self, source: Site, client: Client, copy: Any, nbytes: int, kind: str, shared: Flow, ended: list[float]
    ) -> Steps:
        """Carry a broadcast to one client; the value is the client and its copy.

        Args:
            source: the site that sends.
            client: the receiver.
            copy: the client's own copy.
            nbytes: the bytes on the wire.
            kind: the kind of payload.
            shared: the flow over the uplink, which all clients share.
            ended: the clock when that flow ended; empty until then.
        """
        process, start, downlink = self.current_process(), self.now, client.site.downlink
        process.since = start
        sending, over_uplink = crossing((downlink,), nbytes), crossing((source.uplink,), nbytes)
        flow = self.network.send((downlink,), sending, after=source.uplink.latency)
        process.sites = (source, client.site)
        arrived: int | None = None
        latency = sum(link.latency for link in self.path(source, client.site))
        drawing = Transfer(process.sites, latency) if client.site.battery is not None else None
        try:
            yield self.env.all_of([flow.done, shared.done])
            remaining = ended[0] + downlink.latency - self.now  # for the last byte, if the uplink was slower
            if remaining > 0:
                yield self.env.timeout(remaining)
            arrived = nbytes
        finally:
            if drawing is not None:
                drawing.end()
            left_of_uplink = self.network.left(shared) * (sending / (over_uplink or 1))  # as bytes of the downlink
            self._end_transfer(process, kind, start, sending, max(self.network.cancel(flow), left_of_uplink), arrived)
        return client, copy

    def _end_transfer(
        self, process: Process, kind: str, start: float, nbytes: int, left: float, arrived: int | None
    ) -> None:
        """Record a transfer that is over, between the two sites that the process was waiting for.

        Args:
            process: the process that sent it.
            kind: the kind of payload.
            start: when it began, in seconds of the clock.
            nbytes: the bytes on the wire, those that are sent again included.
            left: how many of them were not sent.
            arrived: the bytes of the payload that the receiver has and can use; None if it can use nothing.
        """
        source, target = process.sites
        process.sites = ()
        sent = round(nbytes - left)
        self.bytes_sent += sent
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
                sent - (arrived or 0),
                latency,
                process.attempt,
                process.reason or "stopped" if arrived is None else "",
            )
        )

    @contextmanager
    def round(self, number: int, cohort: list[Client]) -> Iterator[None]:
        """Mark a round: one aggregation, in which the cohort takes part from beginning to end, waiting included."""
        process, start, updates = self.current_process(), self.now, self.updates
        process.round, self.cohort = number, cohort
        for client in cohort:
            self.begin_engagement(client)
        try:
            yield
        finally:
            seconds = self.now - start
            self.ledger.rounds.add(RoundRow(number, start, seconds, self.updates - updates))
            for client in cohort:
                self.end_engagement(client, number, start)

    def begin_engagement(self, client: Client) -> None:
        """Have a client take part from now on, until ``end_engagement``."""
        client.site.end_overtime()
        if client.site.battery is not None:
            client.site.battery.engage(1)

    def end_engagement(self, client: Client, number: int, start: float) -> None:
        """Record that a client took part from ``start`` until now, and free the memory that was held for it.

        ``start`` is when ``begin_engagement`` was called.

        A work that its device has in service goes on; until it ends, or the device's next round begins, the device
        takes part for longer, which is a second row for the same round.

        Args:
            client: the client.
            number: the round.
            start: when it began to take part, in seconds of the clock.
        """
        self.ledger.engagements.add(EngagementRow(client.name, number, start, self.now - start))
        client.site.begin_overtime(number)
        if client.site.battery is not None:
            client.site.battery.engage(-1)
        client.site.weigh()
        client.server.weigh()
        client.site.memory.release(client.name)
        client.server.memory.release(client.name)
