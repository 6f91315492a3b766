"""A rehearsal: one client's part of a round, run without a clock, to see what it sends and computes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
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

    channels: dict[tuple[str, str], Any] = {}

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
    """A site in a rehearsal: the device, which computes without taking time, or the server, which only receives and sends.

    Args:
        world: the world of the rehearsal.
        device: the real device; None: this stands in for a server.
    """

    def __init__(self, world: Rehearsed, device: Site | None) -> None:
        self.world, self._device, self.memory = world, device, Memory()
        self._levels: list[tuple[int, int]] = []  # for each work: the bytes in use before it, and while it runs
        self._works: list[tuple[int, Work, Cost, str]] = []  # with their places among the steps

    @property
    def name(self) -> str:
        """The name of the real device, by which random streams are keyed."""
        return self._device.name if self._device is not None else "server"

    def store(self, kind: type[S]) -> S:
        """Return the record of what is installed, which nobody changes here; whoever keeps anything else has no routine."""
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
        before = memory.bytes
        memory.begin(self.name, part, cost.peak_bytes)
        self._levels.append((before, memory.bytes))
        self._works.append((len(self.world.steps), work, cost, "" if part is None else str(part)))
        self.world.steps.append(Computes(work.name, cost, "", self.world.phase_now))
        value = work(*args)
        memory.end(self.name, cost.peak_bytes, cost.kept_bytes)
        return value
        yield

    def weigh(self) -> None:
        """Write into the cost of each work all that was in memory, and not what it alone needed.

        What was there before a work counts as kept by the work before it, and what is left counts as kept by the last.
        """
        befores = [before for before, _ in self._levels[1:]] + [self.memory.bytes]
        held = 0
        known: dict[tuple[int, ...], Computes] = {}  # equal works are one, so that their seconds are known, too
        for (place, work, cost, part), (_, peak), after in zip(self._works, self._levels, befores, strict=True):
            phase, key = self.world.steps[place].phase, (id(cost), peak - held, after - held)
            step = known.get(key)
            if step is None or step.phase != phase:
                cost = cost._replace(peak_bytes=peak - held, kept_bytes=after - held)
                step = known[key] = Computes(work.name, cost, part, phase)
            self.world.steps[place] = step
            held = after

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
        renewed: returns another client's own copy of what the part of the round has returned.

    Raises:
        NoRoutineError: it does something that needs the server's time, other processes, or what is kept between rounds.
    """
    world = Rehearsed(wire, phase)
    device = StandIn(world, client.site)
    double = Client.__new__(Client)
    double.site, double.server, double.data = device, StandIn(world, None), client.data  # type: ignore[assignment]
    double.provisioning, double.task, double.fits = client.provisioning, client.task, client.fits
    double.round_index, double.scheduled_round = client.round_index, client.scheduled_round
    part = perform(world, double)
    try:
        next(part)
    except StopIteration as end:
        outcome = end.value
    else:
        raise NoRoutineError("it waits for something")
    del part
    device.weigh()
    return Routine(tuple(world.steps), lambda: renewed(outcome))
