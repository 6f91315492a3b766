"""The world: a clock, sites, clients, a network, and what happens side by side."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import simpy

from simulator.accounting.ledger import AbsenceRow, EngagementRow, Ledger, RoundRow, TransferRow
from simulator.world.clients import Channel, Client
from simulator.world.network import Link, Network
from simulator.world.sites import Site

Steps = Generator[simpy.Event, Any, Any]
GONE = object()
"""The value of a process that was stopped."""


class Wire(Protocol):
    """What happens to a payload between sender and receiver."""

    def carry(self, payload: Any) -> tuple[Any, int]:
        """The receiver's own copy, and the bytes that cross the link."""


class Process(simpy.Process):
    """A SimPy process that knows for whom, in which phase and round it works; those it starts inherit all three."""

    def __init__(self, world: World, steps: Steps, client: Client | None) -> None:
        parent = world.env.active_process
        inherits = isinstance(parent, Process)
        self.client: Client | None = client or (parent.client if inherits else None)  # type: ignore[union-attr]
        self.client_name = self.client.name if self.client else None
        self.phase: str = parent.phase if inherits else ""  # type: ignore[union-attr]
        self.round: int = parent.round if inherits else 0  # type: ignore[union-attr]
        self.sites: tuple[Site, ...] = ()
        """Where the verb it waits in takes place."""
        self.stopped = False
        self.steps = _until_stopped(self, steps, world.processes)
        super().__init__(world.env, self.steps)
        world.processes[self] = None

    def needs(self, site: Site) -> bool:
        """Whether it cannot go on without this site."""
        return site in self.sites or (self.client is not None and self.client.site is site)

    def stop(self) -> None:
        """End it at this moment, quietly; one that has not begun never does, one that is over stays as it is."""
        if self.is_alive:
            self.stopped = True
            self.interrupt("stop")


def _until_stopped(process: Process, steps: Steps, running: dict[Process, None]) -> Steps:
    """Told to stop, a process ends quietly; else every condition that holds it would fail with nobody there to hear."""
    try:
        return GONE if process.stopped else (yield from steps)
    except simpy.Interrupt:
        return GONE
    finally:
        del running[process]


class Handle:
    """A started generator: ``y = yield from handle`` waits for it. (A SimPy process itself cannot be iterated.)"""

    __slots__ = ("process",)

    def __init__(self, process: Process) -> None:
        self.process = process

    def __iter__(self) -> Steps:
        return (yield self.process)

    def stop(self) -> None:
        """End it: queued work is withdrawn, a transfer is cut short, service in progress finishes and is charged."""
        self.process.stop()


class Buffer:
    """A bounded queue between processes, for pipelines and shuffles."""

    def __init__(self, env: simpy.Environment, room: float) -> None:
        self._store = simpy.Store(env, capacity=room)

    def __len__(self) -> int:
        return len(self._store.items)

    def put(self, item: Any) -> Steps:
        """Wait for room, then leave the item there."""
        with self._store.put(item) as request:
            yield request

    def get(self) -> Steps:
        """Wait for an item; the value is that item."""
        request = self._store.get()
        try:
            return (yield request)
        except BaseException:  # whoever asked was stopped: the request must not take what is meant for others
            if request.triggered:
                self._store.items.insert(0, request.value)
                self._store._trigger_get(None)
            request.cancel()
            raise


class World:
    """Sites and clients on one clock. ``start`` is the clock's first second.

    ``channels``, by kind and direction ("up" or "down"), are what clients' payloads go through; others are only sent.
    """

    def __init__(
        self, wire: Wire, start: float = 0.0, channels: Mapping[tuple[str, str], Channel] | None = None
    ) -> None:
        self.env = simpy.Environment(initial_time=start)
        self.wire, self.start_time, self.channels = wire, start, channels or {}
        self.network = Network(self.env)
        self.ledger = Ledger()
        self.sites: list[Site] = []
        self.clients: list[Client] = []
        self.processes: dict[Process, None] = {}
        """Those that are not over, in the order in which they were started."""
        self.server: Site
        self._turns: dict[int, tuple[Any, simpy.Resource]] = {}

    @property
    def now(self) -> float:
        """Seconds on the simulated clock."""
        return float(self.env.now)

    def run(self, steps: Steps) -> Any:
        """Run a driver, or any generator, to its end; the value is what it returns.

        What still runs then is stopped, and is charged as far as it came.

        Raises:
            RuntimeError: a site left that the driver itself was waiting for.
        """
        driver = Process(self, steps, None)
        try:
            value = self.env.run(driver)
        finally:
            self._end()
        if driver.stopped:
            raise RuntimeError("the run was stopped: a site left while the driver was waiting for it")
        return value

    def _end(self) -> None:
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
        process, start = self.here(), self.now
        source.check_present(kind)
        target.check_present(kind)
        copy, nbytes = self.wire.carry(payload)
        path = self.path(source, target)
        flow = self.network.send(path, nbytes)
        process.sites = (source, target)
        try:
            yield flow.done
        finally:  # its sender was stopped: the flow ends here, and what was sent is lost
            process.sites = ()
            left = self.network.cancel(flow)
            arrived = flow.done.triggered
            sent = nbytes if arrived else round(nbytes - left)
            latency = min(sum(link.latency for link in path), self.now - start)
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
        return copy

    def start(self, steps: Steps, client: Client | None = None) -> Handle:
        """Let a generator run beside this one. It works for ``client``, or for the one that its starter works for."""
        return Handle(Process(self, steps, client))

    def together(self, *steps: Steps | Handle, within: float | None = None) -> Steps:
        """Run generators, or wait for handles, side by side; the value is what came back, in order.

        After ``within`` seconds those that are not back are stopped, and are not in the value. Whatever ends this wait
        ends them too.
        """
        jobs = [job if isinstance(job, Handle) else self.start(job) for job in steps]
        everyone = self.env.all_of([job.process for job in jobs])
        try:
            yield everyone if within is None else everyone | self.env.timeout(within)
            over = [job.process.value for job in jobs if not job.process.is_alive]
            return [value for value in over if value is not GONE]
        finally:
            for job in jobs:
                job.stop()

    def buffer(self, room: float) -> Buffer:
        """A queue with this much room; ``float("inf")`` for no bound."""
        return Buffer(self.env, room)

    def alone(self, weights: Any) -> simpy.resources.resource.Request:
        """Hold shared weights over several services: ``with world.alone(weights) as turn: yield turn``."""
        _, turns = self._turns.setdefault(id(weights), (weights, simpy.Resource(self.env)))
        return turns.request()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Mark the rows of the process this stands in, and of those it starts, as belonging to a phase."""
        process = self.here()
        outer, process.phase = process.phase, name
        try:
            yield
        finally:
            process.phase = outer

    @contextmanager
    def round(self, number: int, cohort: list[Client]) -> Iterator[None]:
        """One aggregation in which this cohort takes part from beginning to end, waiting included."""
        process, start = self.here(), self.now
        process.round = number
        try:
            yield
        finally:
            seconds = self.now - start
            self.ledger.rounds.add(RoundRow(number, start, seconds))
            for client in cohort:
                self.engaged(client, number, start)

    def engaged(self, client: Client, number: int, start: float) -> None:
        """Write down that a client took part from ``start`` till now, and free what was held in memory for it."""
        self.ledger.engagements.add(EngagementRow(client.name, number, start, self.now - start))
        client.site.weigh()
        client.server.weigh()
        client.site.memory.release(client.name)
        client.server.memory.release(client.name)

    def here(self) -> Process:
        """The process that a verb is used in."""
        process = self.env.active_process
        if not isinstance(process, Process):
            raise RuntimeError("a verb was used outside of a process: use world.run or world.start")
        return process
