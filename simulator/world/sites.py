"""Sites: where works are computed for real, and served in simulated time."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Generator, Mapping, Sequence
from itertools import count
from typing import Any

import simpy

from simulator.accounting.costs import Cost, Work
from simulator.accounting.ledger import EngagementRow, Ledger, WorkRow
from simulator.settings.moved import former, former_arguments
from simulator.world.attendance import Attending
from simulator.world.hardware import Hardware
from simulator.world.memory import Memory
from simulator.world.network import Link
from simulator.world.processes import Steps
from simulator.world.queue import FirstCome, Job, Queue
from simulator.world.standstill import Background
from simulator.world.store import S, Stores

__getattr__ = former(__name__, "simulator.accounting.power", "simulator.world.queue")


class Surroundings(Background):
    """What sites and clients need to know of the world that they are in.

    Attributes:
        ledger: the record of the run.
        sites, clients: all of them; new ones add themselves.
        channels: by kind and direction (``up`` or ``down``), what the payloads of clients go through.
        forecast: predicts what a round of a client costs.
        observer: called with the name of the client and the result after each work that was done for one; usually None.
    """

    ledger: Ledger
    sites: list[Site]
    clients: list[Any]
    channels: Mapping[tuple[str, str], Any]
    forecast: Callable[[Any], Any]
    observer: Callable[[str, Any], None] | None = None

    def send(self, source: Site, target: Site, payload: Any, kind: str) -> Steps:
        """Send a payload from one site to another; the value is the receiver's own copy.

        Args:
            source, target: the sites.
            payload: tensors and numbers in dicts, lists and tuples.
            kind: the kind of payload, such as "smashed data".
        """
        raise NotImplementedError

    def broadcast(self, source: Site, clients: Sequence[Any], payload: Any, kind: str) -> Steps:
        """Send one payload to several clients; the value is each client's own copy, by client.

        Args:
            source: the site that sends.
            clients: the receivers.
            payload: tensors and numbers in dicts, lists and tuples.
            kind: the kind of payload, such as "model".
        """
        raise NotImplementedError


class Site(Attending):
    """A place that serves works, in one or more slots.

    A work that writes nothing is computed when its service begins. A work that writes weights is computed when its
    service ends, and works that write the same weights are served one at a time even if slots are free. So effects
    appear at the right time, without copies. How it comes and goes is in ``Attending``.

    Attributes:
        hardware: its speed, memory, slots and power.
        uplink, downlink: its own links; without a limit if none are given.
        queue: the order in which waiting works are served.
        stores: what is kept here from round to round.
        memory: the memory in use.
    """

    world: Surroundings

    @former_arguments(discipline="queue")
    def __init__(
        self,
        world: Surroundings,
        name: str,
        hardware: Hardware,
        uplink: Link | None = None,
        downlink: Link | None = None,
        queue: Queue | None = None,
    ) -> None:
        super().__init__(world, name)
        self.hardware = hardware
        self.uplink = uplink or Link(f"{name} up", float("inf"))
        self.downlink = downlink or Link(f"{name} down", float("inf"))
        self.queue = queue or FirstCome()
        self.stores = Stores()
        self.memory = Memory()
        self._only = (self,)
        self._free = hardware.gpus * hardware.slots
        self._order = count()
        self._ready: list[tuple[Any, int, Job]] = []
        self._blocked: dict[int, list[tuple[Any, int, Job]]] = {}  # by id of the weights that are being written
        self._serving: dict[Job, None] = {}
        self._overtime: tuple[int, float] | None = None
        world.sites.append(self)

    def __repr__(self) -> str:
        return f"<site {self.name}>"

    def store(self, kind: type[S]) -> S:
        """Return the record of this class that is kept here, made the first time."""
        return self.stores.of(kind)

    def seconds(self, cost: Cost) -> float:
        """Return the seconds that a work of this cost takes in one slot."""
        return self.hardware.seconds(cost)

    def compute(self, work: Work, *args: Any) -> Generator[simpy.Event, Any, Any]:
        """Wait for service, do the work for real, and spend the simulated time it takes here; the value is its result.

        Args:
            work: the work.
            args: its arguments.

        Raises:
            TypeError: the work has no cost.
            ValueError: its cost gives no finite number of seconds of at least 0.
            RuntimeError: the site is away, and nobody waits for it; or this is used outside of a process.
        """
        process = self.world.current_process()
        if not isinstance(work, Work):
            raise TypeError(f"site {self.name!r}: {work!r} has no cost; declare one with @work(cost=...)")
        if self.away_since is not None:
            yield from self.world.until_back(self, work.name)
        job = Job(self.env, process, work, args, self._finish)
        job.seconds = self._checked_seconds(job)
        if self._free and not self._ready and (job.writes is None or id(job.writes) not in self._blocked):
            self._begin(job)
        else:
            heapq.heappush(self._ready, ((job.work.deferrable, self.queue.key(job)), next(self._order), job))
            self._serve()
        process.sites = self._only
        try:
            return (yield job)
        finally:
            process.sites = ()
            if not job.begun:  # the process was stopped: queued work is withdrawn, service in progress goes on
                job.aborted = True

    def _checked_seconds(self, job: Job) -> float:
        """Return the seconds of a work; raise ``ValueError`` if they are negative or not finite."""
        try:
            seconds = self.seconds(job.cost)
        except OverflowError:
            seconds = math.inf
        if not 0 <= seconds < math.inf:
            amounts = f"{job.cost.flops} FLOPs and {job.cost.bytes_touched} bytes"
            raise ValueError(f"site {self.name!r}: {job.work.name!r} cannot take {seconds} s ({amounts})")
        return seconds

    def send(self, to: Site, payload: Any, kind: str) -> Generator[simpy.Event, Any, Any]:
        """Send a payload to another site; the value is the receiver's own copy.

        Args:
            to: the receiver.
            payload: tensors and numbers in dicts, lists and tuples.
            kind: the kind of payload, such as "smashed data".
        """
        return self.world.send(self, to, payload, kind)

    @property
    def waiting(self) -> int:
        """The number of works that are queued."""
        queued = [self._ready, *self._blocked.values()]
        return sum(not job.aborted for jobs in queued for _, _, job in jobs)

    def cut_short(self, reason: str) -> None:
        for job in list(self._serving):
            job.aborted, job.reason = True, reason
            self._close(job)
        self._ready.clear()

    def begin_overtime(self, round: int) -> None:
        """Note that a round is over for this device; if works are still in service, it goes on taking part.

        Args:
            round: the round.
        """
        self._overtime = (round, self.env.now) if self._serving else None

    def end_overtime(self) -> None:
        """Record the time since its round that the device spent on finishing works, as one more engagement in it."""
        if self._overtime:
            round, start = self._overtime
            self._overtime = None
            if self.env.now > start:
                self.world.ledger.engagements.add(EngagementRow(self.name, round, start, self.env.now - start))

    def weigh(self) -> None:
        """Count again what is in the stores."""
        self.memory.store(self.stores.weigh())

    def _serve(self) -> None:
        """Begin waiting works while slots are free; those whose weights are being written wait for the writer."""
        while self._free and self._ready:
            entry = heapq.heappop(self._ready)
            job = entry[2]
            if job.aborted:
                continue
            if job.writes is not None and id(job.writes) in self._blocked:
                heapq.heappush(self._blocked[id(job.writes)], entry)
            else:
                self._begin(job)

    def _begin(self, job: Job) -> None:
        self._serving[job] = None
        self._free -= 1
        if self.battery is not None:
            self.battery.switch("compute", 1)
        job.begun, job.start = True, self.env.now
        if self.stores.changed:
            self.weigh()
        self.memory.begin(job.client, job.holds, job.cost.peak_bytes, job.work.name, job.round)
        job._ok, job._value = True, None
        if job.writes is None:  # a work that only reads does so now
            job.do(self.world.observer)
        else:  # a work that writes is alone with its weights, and is computed at the end
            self._blocked[id(job.writes)] = []
        self.env.schedule(job, delay=job.seconds)  # as simpy.Timeout does

    def _finish(self, job: Job) -> None:
        if job.aborted:
            return
        if job.writes is not None:
            job.do(self.world.observer)
        self._close(job)
        self._serve()

    def _close(self, job: Job) -> None:
        del self._serving[job]
        job.args = ()  # a process keeps its last job, which must not keep its arguments alive
        self._free += 1
        if self.battery is not None:
            self.battery.switch("compute", -1)
        cost = job.cost
        discarded = job.aborted or not job.process.is_alive  # no one is there to keep anything
        self.memory.end(job.client, cost.peak_bytes, 0 if discarded else cost.kept_bytes)
        if job.writes is not None:
            waiting = self._blocked.pop(id(job.writes))
            for entry in waiting:
                heapq.heappush(self._ready, entry)
        now, flops, touched = self.env.now, cost.flops, cost.bytes_touched
        reason = (job.reason or job.process.reason or "stopped") if discarded else ""
        if job.aborted:
            share = (now - job.start) / (job.seconds or 1.0)
            flops, touched = round(flops * share), round(touched * share)
        self.world.ledger.works.add(
            WorkRow(
                self.name,
                job.client,
                job.work.name,
                job.phase,
                job.round,
                job.asked,
                job.start,
                now - job.start,
                flops,
                touched,
                job.attempt,
                discarded,
                reason,
            )
        )
        if not self._serving:
            self.end_overtime()
