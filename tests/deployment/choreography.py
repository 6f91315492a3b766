"""An algorithm played by several processes: each does what happens at its own site, and skips the rest.

Every process runs the algorithm's own code, the same generators that the simulator runs. A work is computed by the
process of its site; for the others its result is ``ELSEWHERE``. A payload is really sent by the source and received by
the target. What a round consists of is known from sizes alone, so all processes take the same steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any, NamedTuple

from simulator.accounting.costs import Work
from simulator.algorithms.base import Algorithm, State, Steps
from simulator.experiments.trial.simulate import Simulation
from simulator.learning.task import Task
from simulator.world.clients import Client
from simulator.world.store import S, Stores
from tests.deployment.wires import Line

SERVER = "server"
_BEHALF: ContextVar[tuple[str | None, int]] = ContextVar("behalf", default=(None, 0))
"""The client on whose behalf this thread works, by its name, and the round."""


class Elsewhere:
    """The result of a work that another process does: as in a dry run, nobody here looks at its values."""

    is_meta = True

    def __getattr__(self, name: str) -> Elsewhere:
        if name.startswith("__"):
            raise AttributeError(name)
        return self


ELSEWHERE = Elsewhere()


class Done(NamedTuple):
    """A work that was done, or a payload that arrived; times are of the machine's monotonic clock, in seconds.

    Attributes:
        client: the client that it was for; None if for none.
        round: the round.
        site: where the work was done, or the source of the payload.
        target: where the payload arrived; empty for a work.
        what: the name of the work, or the kind of payload.
        start: when its service, or the transfer, began.
        seconds: how long that took.
        bytes: the bytes of the payload's tensors; 0 for a work.
    """

    client: str | None
    round: int
    site: str
    target: str
    what: str
    start: float
    seconds: float
    bytes: int = 0


class Uncounted:
    """The memory of a real site: nobody counts it."""

    def keep(self, value: Any) -> Any:
        """Return the value."""
        return value

    def drop(self, client: str | None, weights: Any) -> None:
        """Do nothing."""


class Place:
    """A site, as the process of one site sees it; in place of ``simulator.world.sites.Site``.

    Args:
        world: the world that it is in.
        name: its name.
    """

    def __init__(self, world: Stage, name: str) -> None:
        self.world, self.name = world, name
        self.clients: tuple[Client, ...] = ()
        self.memory, self._stores = Uncounted(), Stores()

    def store(self, kind: type[S]) -> S:
        """Return the record of this class that is kept here."""
        return self._stores.of(kind)

    def compute(self, work: Work, *args: Any) -> Steps:
        """Do the work if it is of this process; works of one site are done one after the other, first come first."""
        yield from ()
        if self.name != self.world.here:
            return ELSEWHERE
        start, seconds, result = self.world.processor.submit(_timed, work, args).result()
        self.world.note(self.name, "", work.name, start, seconds)
        return result

    def send(self, to: Place, payload: Any, kind: str) -> Steps:
        """Send the payload if it starts here, receive it if it ends here."""
        yield from ()
        world = self.world
        _, number = _BEHALF.get()
        if world.here == self.name:
            world.lines[to.name].send(kind, number, payload)
        elif world.here == to.name:
            came = world.lines[self.name].receive()
            expected = (kind, number)
            if came.note[:2] != expected:
                raise RuntimeError(f"{to.name} waits for {expected} of {self.name}, and gets {came.note[:2]}")
            world.note(self.name, to.name, kind, came.began, came.received - came.began, came.bytes)
            return came.payload
        return payload


def _timed(work: Work, args: tuple[Any, ...]) -> tuple[float, float, Any]:
    start = time.monotonic()
    result = work(*args)
    return start, time.monotonic() - start, result


class Stage:
    """The world of a real deployment, as the process of one site sees it; in place of ``simulator.world.world.World``.

    Args:
        here: the name of the process's own site.
        simulation: the built simulation of the same trial, which has the task and the clients' data.
        lines: the connections to other sites, by their names.
        processor: what computes the works of this site.

    Attributes:
        done: what was done and received here so far.
    """

    channels: Mapping[Any, Any] = {}

    def __init__(
        self, here: str, simulation: Simulation, lines: Mapping[str, Line], processor: ThreadPoolExecutor
    ) -> None:
        self.here, self.lines, self.processor = here, lines, processor
        self.task: Task = simulation.task
        self.task.model.remember = False  # a device of the simulator is charged for all that it computes
        self.algorithm: Algorithm = simulation.entry.algorithm
        self.clients: list[Client] = []
        self.done: list[Done] = []
        self.server = self._place(SERVER)
        self._world: Any = self  # an algorithm takes it for a ``World``, of which it needs no more than there is here
        for other in simulation.world.clients:
            Client(self._place(other.name), other.data, self.server, other.provisioning, self.task)

    def _place(self, name: str) -> Any:
        """Return a site of this world, which a client takes for a ``Site``."""
        return Place(self, name)

    def note(self, site: str, target: str, what: str, start: float, seconds: float, nbytes: int = 0) -> None:
        """Record what was done on behalf of the present client and round."""
        self.done.append(Done(*_BEHALF.get(), site, target, what, start, seconds, nbytes))

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Mark a phase; nothing depends on it here."""
        yield

    def together(self, *steps: Steps) -> Steps:
        """Run generators concurrently, and return their results in order."""
        yield from ()
        with ThreadPoolExecutor(len(steps)) as threads:
            running = [threads.submit(copy_context().run, play, each) for each in steps]
            return [each.result() for each in running]

    def serve(self, rounds: int, report: Callable[[int, float], Any] = lambda number, seconds: None) -> State:
        """Play the server for a number of synchronous rounds with all clients; return the last state.

        Args:
            rounds: how many.
            report: called after each round with its number and its seconds, from the first message to the end of the
                aggregation.
        """
        state = self.algorithm.begin(self._world, self.task)
        with ThreadPoolExecutor(len(self.clients)) as threads:
            for number in range(1, rounds + 1):
                began = time.monotonic()
                parts = [threads.submit(self._client, client, number, state) for client in self.clients]
                updates = [part.result() for part in parts]
                _BEHALF.set((None, number))
                state = play(self.algorithm.aggregate(self.server, self.task, state, updates))
                report(number, time.monotonic() - began)
        return state

    def take_part(self, rounds: int) -> None:
        """Play the client of this site for a number of rounds."""
        client = next(client for client in self.clients if client.name == self.here)
        state = self.algorithm.begin(
            self._world, self.task
        )  # its sizes count: its values are those that the server sends
        for number in range(1, rounds + 1):
            self._client(client, number, state)

    def _client(self, client: Client, number: int, state: State) -> Any:
        _BEHALF.set((client.name, number))
        client.round_index = client.scheduled_round = number
        return play(self.algorithm.client(self._world, self.task, client, state))


def play(steps: Steps) -> Any:
    """Run a generator whose verbs wait for real, and return what it returns.

    Raises:
        TypeError: it waits for something that only a simulated world has.
    """
    try:
        waits_for = next(steps)
    except StopIteration as end:
        return end.value
    raise TypeError(f"a real deployment cannot wait for {waits_for!r}")
