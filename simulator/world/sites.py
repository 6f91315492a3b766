"""Sites: where works are computed for real, and served in simulated time."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import simpy

from simulator.accounting.costs import Cost, Work
from simulator.accounting.ledger import EngagementRow, Ledger
from simulator.settings.moved import former, former_arguments
from simulator.world.attendance import Attending
from simulator.world.hardware import Hardware
from simulator.world.memory import Memory
from simulator.world.network import Link
from simulator.world.processes import Process, Steps
from simulator.world.queue import Batching, FirstCome, Job, Queue
from simulator.world.serving import Service, service_at
from simulator.world.standstill import Background
from simulator.world.store import S, Stores

__getattr__ = former(__name__, "simulator.accounting.power", "simulator.world.queue")


FIRST_COME = FirstCome()


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

    How works are served is in ``serving``; how the site comes and goes is in ``Attending``.

    Attributes:
        hardware: its speed, memory, slots and power.
        uplink, downlink: its own links; without a limit if none are given.
        queue: the order in which waiting works are served.
        memory: the memory in use.
    """

    __slots__ = ("_batching", "_overtime", "_service", "_stores", "downlink", "hardware", "queue", "uplink")

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
        batching: Batching | None = None,
    ) -> None:
        super().__init__(world, name)
        self.hardware = hardware
        self.uplink = uplink or Link(f"{name} up", float("inf"))
        self.downlink = downlink or Link(f"{name} down", float("inf"))
        self.queue = queue or FIRST_COME
        self.memory = Memory()
        self._stores: Stores | None = None
        self._batching = batching
        self._service: Service | None = None if queue is None and batching is None else self._opened()
        self._overtime: tuple[int, float] | None = None
        world.sites.append(self)

    def __repr__(self) -> str:
        return f"<site {self.name}>"

    @property
    def stores(self) -> Stores:
        """What is kept here from round to round, made the first time."""
        if self._stores is None:
            self._stores = Stores()
        return self._stores

    @property
    def service(self) -> Service:
        """What serves works, made when the first one comes."""
        if self._service is None:
            self._service = self._opened()
        return self._service

    @service.setter
    def service(self, service: Service) -> None:
        self._service = service

    def _opened(self) -> Service:
        return service_at(self, self.queue, self._batching)

    def rest(self) -> None:
        """Give back what is only needed while works are served."""
        if self._service is not None and self._service.can_be_closed:
            self._service = None

    def store(self, kind: type[S]) -> S:
        """Return the record of this class that is kept here, made the first time."""
        return self.stores.of(kind)

    def kept(self, kind: type[S]) -> S | None:
        """Return the record of this class; None if nothing was kept in one."""
        return None if self._stores is None else self._stores.get(kind)  # type: ignore[return-value]

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
        job = self.ask(process, work, args)
        try:
            return (yield job)
        finally:
            self.leave_job(process, job)

    def ask(self, process: Process, work: Work, args: tuple[Any, ...] = ()) -> Job:
        """Ask for a work at a site that is there, and return the event of its end; ``leave_job`` must follow.

        Args:
            process: the process that asks, and waits for it from now on.
            work: the work.
            args: its arguments.

        Raises:
            ValueError: its cost gives no finite number of seconds of at least 0.
        """
        service = self._service or self.service
        job = Job(self.env, process, work, args, service.finish)
        job.seconds = self._checked_seconds(job)
        service.arrive(job)
        process.use(self)
        return job

    def leave_job(self, process: Process, job: Job) -> None:
        """Note that a process waits for a work no more: it is done, or the process was stopped.

        Queued work is withdrawn then, and service in progress goes on.
        """
        process.sites = ()
        if not job.processed:
            self.service.withdraw(job)

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
        return 0 if self._service is None else self._service.waiting

    @property
    def _serving(self) -> dict[Job, None]:
        return self.service.serving

    @property
    def _free(self) -> int:
        return self.service.free

    def cut_short(self, reason: str) -> None:
        if self._service is not None:
            self._service.cut_short(reason)

    def begin_overtime(self, round: int) -> None:
        """Note that a round is over for this device; if works are still in service, it goes on taking part.

        Args:
            round: the round.
        """
        self._overtime = (round, self.env.now) if self._service is not None and self._service.serving else None

    def end_overtime(self) -> None:
        """Record the time since its round that the device spent on finishing works, as one more engagement in it."""
        if self._overtime:
            round, start = self._overtime
            self._overtime = None
            if self.env.now > start:
                self.world.ledger.engagements.add(EngagementRow(self.name, round, start, self.env.now - start))

    def weigh_changes(self) -> None:
        """Count again what is in the stores, if a record has changed."""
        if self._stores is not None and self._stores.changed:
            self.weigh()

    def weigh(self) -> None:
        """Count again what is in the stores."""
        self.memory.store(self._stores.weigh() if self._stores else 0)
