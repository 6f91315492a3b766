"""A rehearsal: one client's part of a round, run without a clock, to see what it sends and computes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, NoReturn

from simulator.accounting.costs import Cost, Work
from simulator.accounting.payload import FROZEN_WEIGHTS
from simulator.world.clients import Client, Installed
from simulator.world.memory import Memory
from simulator.world.routine import Computes, Routine, Sends
from simulator.world.sites import Site
from simulator.world.store import S
from simulator.world.transfers import Wire

Part = Generator[Any, Any, Any]


class NoRoutineError(Exception):
    """What a client does is no routine: it needs more than its data, its device and its links."""


class Rehearsed:
    """The world as a client sees it in a rehearsal: phases, and nothing else.

    Args:
        wire: what counts the bytes of payloads.
        phase: the phase in which the attempt begins.

    Attributes:
        phase_now: the phase of what is done next.
        steps: what has been done so far.
    """

    channels: Mapping[tuple[str, str], Any] = MappingProxyType({})

    def __init__(self, wire: Wire, phase: str) -> None:
        self.wire, self.phase_now = wire, phase
        self.steps: list[Sends | Computes] = []

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Note that what follows belongs to a phase."""
        outer, self.phase_now = self.phase_now, name
        yield
        self.phase_now = outer

    def __getattr__(self, name: str) -> NoReturn:
        raise NoRoutineError(f"it uses world.{name}")


class StandIn:
    """A site in a rehearsal: the device, which computes in no time, or the server, which only receives and sends.

    Args:
        world: the world of the rehearsal.
        device: the real device; None: this stands in for a server.
    """

    def __init__(self, world: Rehearsed, device: Site | None) -> None:
        self.world, self._device, self.memory = world, device, Memory()
        self._equal: dict[tuple[Any, ...], tuple[Computes, Cost]] = {}

    @property
    def name(self) -> str:
        """The name of the real device, by which random streams are keyed."""
        return self._device.name if self._device is not None else "server"

    def store(self, kind: type[S]) -> S:
        """Return the record of what is installed, which nobody changes here; who keeps anything else has no routine."""
        if kind is not Installed or self._device is None:
            raise NoRoutineError(f"it keeps {kind.__name__} from round to round")
        return self._device.kept(kind) or kind()

    def send(self, target: StandIn, payload: Any, kind: str) -> Part:
        """Send a payload, without taking time."""
        if kind == FROZEN_WEIGHTS:
            raise NoRoutineError("the device has yet to receive frozen weights")
        copy, nbytes = self.world.wire.carry(payload)
        self.world.steps.append(Sends(self._device is not None, kind, copy, nbytes, self.world.phase_now))
        return copy
        yield

    def compute(self, work: Work, *args: Any) -> Part:
        """Do a work, without taking time."""
        if self._device is None:
            raise NoRoutineError("it has the server compute")
        cost, part, memory = work.cost(*args), work.holds(*args), self.memory
        memory.begin(self.name, part, cost.peak_bytes)
        self.world.steps.append(self._step(work.name, cost, "" if part is None else str(part), memory.bytes))
        value = work(*args)
        memory.end(self.name, cost.peak_bytes, cost.kept_bytes)
        return value
        yield

    def _step(self, name: str, cost: Cost, part: str, peak_bytes: int) -> Computes:
        """Return a work whose cost counts all that is in memory meanwhile; equal works are one."""
        key = id(cost), name, part, self.world.phase_now, peak_bytes
        if key not in self._equal:
            charged = cost._replace(peak_bytes=peak_bytes, kept_bytes=0)
            work = Work(lambda: None, cost=lambda: charged, holds=lambda: part, name=name)
            self._equal[key] = Computes(work, self.world.phase_now), cost  # which keeps the identity valid
        return self._equal[key][0]

    def __getattr__(self, name: str) -> NoReturn:
        raise NoRoutineError(f"it uses {name} of a site")


def rehearse(
    client: Client, wire: Wire, phase: str, perform: Callable[[Any, Client], Part], renewed: Callable[[Any], Any]
) -> Routine:
    """Return what a client does, as a routine for all who are like it.

    Args:
        client: the client; nothing happens to it.
        wire: what counts the bytes of payloads.
        phase: the phase in which its attempt begins.
        perform: returns the client's part of a round, for a world and a client.
        renewed: returns another client's own copy of what the part of the round has returned; it may raise, too.

    Raises:
        NoRoutineError: it does something that needs the server's time, other processes, or what is kept between rounds.
    """
    world = Rehearsed(wire, phase)
    double = Client.__new__(Client)
    double.site, double.server, double.data = StandIn(world, client.site), StandIn(world, None), client.data  # type: ignore[assignment]
    double.provisioning, double.task, double.fits = client.provisioning, client.task, client.fits
    double.round_index, double.scheduled_round = client.round_index, client.scheduled_round
    part = perform(world, double)
    try:
        next(part)
    except StopIteration as end:
        outcome = end.value
    else:
        raise NoRoutineError("it waits for something")
    renewed(outcome)  # which must be possible
    return Routine(tuple(world.steps), lambda: renewed(outcome))
