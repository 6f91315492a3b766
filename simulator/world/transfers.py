"""Transfers between the sites of a world: payloads that cross links, and their rows in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from simulator.accounting.ledger import TransferRow
from simulator.world.battery import MeteredTransfer
from simulator.world.clients import Client
from simulator.world.clock import Clock
from simulator.world.network import Flow, Link, Network, crossing
from simulator.world.processes import LATE, CutOff, Process, Steps
from simulator.world.sites import Site, Surroundings
from simulator.world.tiers import Tiers


class Wire(Protocol):
    """What a wire does to a payload between sender and receiver."""

    def carry(self, payload: Any) -> tuple[Any, int]:
        """Return the receiver's own copy, and the bytes that cross the link."""


class Sending(NamedTuple):
    """A payload on its way from one site to another.

    Attributes:
        kind: the kind of payload.
        copy: the payload, as the receiver will have it.
        nbytes: its bytes, as the wire counts them.
        crossing: the bytes that cross the links until it has arrived: more where links lose some.
        start: when it began, in seconds of the clock.
        latency: the seconds before its first byte.
        flow: what the network carries.
        drawing: what meters the batteries of its sites; None if they have none.
    """

    kind: str
    copy: Any
    nbytes: int
    crossing: int
    start: float
    latency: float
    flow: Flow
    drawing: MeteredTransfer | None


class Transfers(Surroundings):
    """The part of a world in which sites send each other payloads.

    Attributes:
        wire: what copies payloads and counts their bytes.
        network: the flows that are under way.
        bytes_sent: what has been sent so far, in bytes; each transfer counts once, however many links it crosses.
        tiers: the edge servers, and what is behind them; None: all devices are connected to the server directly.
    """

    def __init__(self, env: Clock, wire: Wire) -> None:
        super().__init__(env)
        self.wire, self.network, self.bytes_sent = wire, Network(self.env), 0
        self.tiers: Tiers | None = None

    def path(self, source: Site, target: Site) -> tuple[Link, ...]:
        """Return the links between two sites: the uplink of the source, and the downlink of the target.

        Between sites of several tiers, it is all links up to where their ways meet, and down from there.
        """
        if source is target:
            return ()
        if self.tiers is not None:
            return self.tiers.path(source, target)
        return source.uplink, target.downlink

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
        while source.away_since is not None:
            yield from self.until_back(source, kind)
        while target.away_since is not None:
            yield from self.until_back(target, kind)
        sending = self.begin_sending(process, source, target, kind, *self.wire.carry(payload))
        try:
            yield sending.flow.done
        finally:
            self.end_sending(process, sending)
        return sending.copy

    def begin_sending(self, process: Process, source: Site, target: Site, kind: str, copy: Any, nbytes: int) -> Sending:
        """Begin to send a payload between two sites that are there; ``end_sending`` must follow.

        Args:
            process: the process that sends it, and waits for the flow from now on.
            source, target: the sites.
            kind: the kind of payload.
            copy: the payload, as the receiver will have it.
            nbytes: its bytes, as the wire counts them.
        """
        start = process.since = self.env.now
        path = self.path(source, target)
        over_links = crossing(path, nbytes)
        flow = self.network.send(path, over_links)
        process.use(source, target)
        latency = sum([link.latency for link in path])
        metered = source.battery is not None or target.battery is not None
        drawing = MeteredTransfer(process.sites, latency) if metered else None
        return Sending(kind, copy, nbytes, over_links, start, latency, flow, drawing)

    def end_sending(self, process: Process, sending: Sending) -> None:
        """Record a payload that has arrived; if the sender was stopped, the flow ends here, and what was sent is lost.

        Args:
            process: the process that sent it.
            sending: what ``begin_sending`` returned.
        """
        kind, copy, nbytes, over_links, start, latency, flow, drawing = sending
        left = self.network.cancel(flow)
        if not flow.done.triggered and over_links:
            process.cut_off = CutOff(kind, copy, 1 - left / over_links)
        if drawing is not None:
            drawing.end()
        arrived = nbytes if flow.done.triggered else None
        if arrived is None and kind == process.keeps_part_of and process.reason == LATE:
            arrived = round((over_links - left) * nbytes / (over_links or 1))
        self._end_transfer(process, kind, start, latency, over_links, left, arrived)

    def broadcast(self, source: Site, clients: Sequence[Client], payload: Any, kind: str) -> Steps:
        """Send one payload to several clients; it crosses the source's uplink once, and each client's downlink.

        The value is each client's own copy, by client; clients that are away, or leave before they have it, are not in
        it. A client has the payload when both the uplink and its own downlink have carried it. If the uplink is slower,
        the downlink is still busy at its own rate. The transfer to each client is a row of the ledger. Behind edge
        servers, the links between the uplink and a client carry it once for each client, like its downlink.

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
        first = self._in_common(source, present)
        shared = self.network.send(first, crossing(first, copies[0][1]))
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

    def _in_common(self, source: Site, clients: Sequence[Client]) -> tuple[Link, ...]:
        """Return the first link from a site to these clients, if it is the same to all of them; else none."""
        firsts = {self.path(source, client.site)[0]: None for client in clients}
        return tuple(firsts) if len(firsts) == 1 else ()

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
            shared: the flow over the first link, which all clients share.
            ended: the clock when that flow ended; empty until then.
        """
        process, start, path = self.current_process(), self.now, self.path(source, client.site)
        process.since = start
        first, own = shared.path, path[len(shared.path) :]
        sending, over_first = crossing(own, nbytes), crossing(first, nbytes)
        flow = self.network.send(own, sending, after=sum(link.latency for link in first))
        process.use(source, client.site)
        arrived: int | None = None
        latency = sum(link.latency for link in path)
        drawing = MeteredTransfer(process.sites, latency) if client.site.battery is not None else None
        try:
            yield self.env.all_of([flow.done, shared.done])
            on_its_own = sum(link.latency for link in own)
            remaining = ended[0] + on_its_own - self.now  # for the last byte, if the first link was slower
            if remaining > 0:
                yield self.env.timeout(remaining)
            arrived = nbytes
        finally:
            if drawing is not None:
                drawing.end()
            left_of_first = self.network.left(shared) * (sending / (over_first or 1))  # as bytes of its own links
            left = max(self.network.cancel(flow), left_of_first)
            self._end_transfer(process, kind, start, latency, sending, left, arrived)
        return client, copy

    def _end_transfer(
        self,
        process: Process,
        kind: str,
        start: float,
        latency: float,
        nbytes: int,
        left: float,
        arrived: int | None,
    ) -> None:
        """Record a transfer that is over, between the two sites that the process was waiting for.

        Args:
            process: the process that sent it.
            kind: the kind of payload.
            start: when it began, in seconds of the clock.
            latency: the seconds before its first byte.
            nbytes: the bytes on the wire, those that are sent again included.
            left: how many of them were not sent.
            arrived: the bytes of the payload that the receiver has and can use; None if it can use nothing.
        """
        source, target = process.sites
        process.sites = ()
        sent = round(nbytes - left)
        self.bytes_sent += sent
        seconds = self.env.now - start
        self.ledger.transfers.add(
            TransferRow(
                source.name,
                target.name,
                process.client_name,
                kind,
                process.phase,
                process.round,
                start,
                seconds,
                sent,
                sent - (arrived or 0),
                min(latency, seconds),
                process.attempt,
                process.reason or "stopped" if arrived is None else "",
            )
        )
