"""The clients that train at the same time under an asynchronous driver, each from the state that it was given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.accounting.ledger import AttemptRow, EngagementRow, RoundRow
from simulator.accounting.payload import tree_bytes
from simulator.algorithms.base import Algorithm, State, Steps, Update
from simulator.scheduling.drivers.base import check_progress
from simulator.scheduling.drivers.idle import Idle
from simulator.scheduling.drivers.routines import begun_attempt
from simulator.scheduling.selection.base import select
from simulator.settings.seeds import Seeds
from simulator.world.processes import GONE
from simulator.world.standstill import UNFINISHED
from simulator.world.store import counts_elsewhere

if TYPE_CHECKING:
    import simpy

    from simulator.learning.task import Task
    from simulator.scheduling.selection.base import Selection
    from simulator.world.clients import Client
    from simulator.world.processes import Process
    from simulator.world.sites import Site
    from simulator.world.world import World


@dataclass(eq=False)
class Attempt:
    """A client that was given a state to train from.

    Attributes:
        client: the client.
        number: the number of the attempt among those of the client.
        base: how many aggregations the state had seen: its version.
        state: the state itself.
        start: when it began, in seconds of the clock.
        engaged: from when its time is not yet in the ledger, in seconds of the clock.
        ended: when the client was done, in seconds of the clock.
        update: its update; None before it has arrived.
        size: the bytes of the update, for which it takes up the server's memory until it is aggregated.
        process: what the client does; None before it has begun.
    """

    client: Client
    number: int
    base: int
    state: State
    start: float
    engaged: float
    ended: float = 0.0
    update: Update | None = None
    size: int = 0
    process: Process | None = None


class Fleet:
    """The attempts that are under way, and those whose updates wait to be aggregated.

    Args:
        algorithm: the algorithm that the clients run.
        world: the world in which they run it.
        task: the model, its starting weights and the training settings.
        selection: the policy that selects the next clients.
        seeds: the random streams of the trial.
        concurrency: how many clients train at the same time.
        keeps_bases: whether the server keeps each state that an update may still have started from: it then takes up
            the server's memory, besides the present one.

    Attributes:
        running: the attempts under way, by client, in the order in which they began.
        arrived: the attempts whose updates have arrived, in the order of arrival.
        round_start: when the round that is under way began, at the end of the last aggregation; seconds of the clock.
    """

    def __init__(
        self,
        algorithm: Algorithm,
        world: World,
        task: Task,
        selection: Selection,
        seeds: Seeds,
        concurrency: int,
        keeps_bases: bool = True,
    ) -> None:
        self.algorithm, self.world, self.task = algorithm, world, task
        self.selection, self.seeds, self.concurrency = selection, seeds, concurrency
        self.running: dict[Client, Attempt] = {}
        self.arrived: list[Attempt] = []
        self._idle = Idle(world.clients)
        self._keeps_bases, self._bases = keeps_bases, Counter[int]()  # by version: who may still need it
        self._old: dict[int, int] = {}  # the bytes of versions that are no longer the present one
        self._draws = 0
        self._lost: list[str] = []  # the reasons of the attempts that were lost since the last one that was not
        self._change: simpy.Event | None = None
        self.round_start = world.now

    def fill(self, state: State) -> Steps:
        """Give the state to as many selected clients as there are places; if nobody works then, wait until one can.

        Args:
            state: the present state.
        """
        check_progress(self.world, len(self._lost), "attempts of clients", self._lost)
        self._start_some(state)
        while not self.running and not self.arrived:
            yield from self.world.await_return(self._absent(), "next client")
            self._start_some(state)

    def next_change(self, until: float | None = None) -> Steps:
        """Wait until an attempt ends, with all others that end at the same moment; or until a device for which there is
        a place is back, or until a moment.

        Args:
            until: the moment, in seconds of the clock; what ends at it is waited for. None: wait without a limit.
        """
        world, self._change = self.world, self.world.env.event()
        end: simpy.Event | None = self._change if self.running else None
        if until is not None:
            end = self._change | world.last_at(max(0.0, until - world.now))
        absent = [] if len(self.running) >= self.concurrency else self._absent()
        if absent or end is None:
            yield from world.await_return(absent, "next client", until=end)
        else:
            yield end
        self._change = None
        yield world.last_at(0.0)

    def pop_arrived(self, count: int | None = None) -> list[Attempt]:
        """Remove the attempts that arrived first, and return them; all of them if ``count`` is None."""
        taken = self.arrived[:count]
        del self.arrived[: len(taken)]
        for attempt in taken:
            self.world.server.memory.wait(-attempt.size)
        return taken

    def _release_base(self, attempt: Attempt) -> None:
        """Note that a state is needed by one attempt less; an old one that none needs is freed."""
        self._bases[attempt.base] -= 1
        if not self._bases[attempt.base]:
            del self._bases[attempt.base]
            self.world.server.memory.wait(-self._old.pop(attempt.base, 0))

    def _keep_base(self, state: State) -> None:
        """Keep the present state in the server's memory beyond its time, if an attempt may need it."""
        version = self.world.aggregations
        if self._keeps_bases and self._bases[version]:
            self._old[version] = tree_bytes(state, counts_elsewhere)
            self.world.server.memory.wait(self._old[version])

    def aggregated(self, attempts: Iterable[Attempt], state: State, empty: int = 0) -> None:
        """Note that an aggregation has taken place: its round ends now, and the next one begins.

        Args:
            attempts: those whose updates were used.
            state: the state that is replaced.
            empty: how many intervals have passed since the last aggregation in which no update arrived.
        """
        world, number, used = self.world, self.world.aggregations + 1, list(attempts)
        for attempt in used:
            self._note(attempt, number, "")
        self._keep_base(state)
        world.updates += len(used)
        world.ledger.rounds.add(RoundRow(number, self.round_start, world.now - self.round_start, len(used), empty))
        self.round_start = world.now
        for attempt in self.running.values():
            self._engage(attempt)
        for process in world.processes:  # what is under way goes on in the next round
            if process.client in self.running:
                process.round = number + 1

    def lose(self, attempts: Iterable[Attempt], reason: str) -> None:
        """Note that updates which had arrived are not used.

        Args:
            attempts: the attempts.
            reason: why, in a word or two.
        """
        for attempt in attempts:
            self._note(attempt, 0, reason)

    def close(self) -> None:
        """Note the attempts that are left when the trial ends."""
        self.lose(self.pop_arrived(), UNFINISHED)
        for attempt in list(self.running.values()):
            del self.running[attempt.client]
            self._idle.add(attempt.client)
            if attempt.process is not None:
                attempt.process.stop(UNFINISHED)
            self.world.end_engagement(attempt.client, self.world.aggregations + 1, attempt.engaged)
            attempt.ended = self.world.now
            self._note(attempt, 0, UNFINISHED)

    def _absent(self) -> list[Site]:
        """Return the devices that would be selected if they were there."""
        return [client.site for client in self._idle.clients() if client.fits and client.site.away_since is not None]

    def _start_some(self, state: State) -> None:
        """Give the state to selected clients, as many as there are places."""
        places = self.concurrency - len(self.running)
        if places <= 0 or not self._idle:
            return
        self._draws += 1
        chosen = select(self.selection, self._idle.clients(), places, self._draws, self.seeds)[:places]
        self._idle.remove(*chosen)
        for client in chosen:
            self._start(client, state)

    def _start(self, client: Client, state: State) -> None:
        world, version = self.world, self.world.aggregations
        client.round_index = max(version + 1, client.round_index + 1)  # no two attempts draw the same batches
        client.scheduled_round = version + 1
        world.begin_engagement(client)
        attempt = Attempt(client, client.round_index, version, state, world.now, world.now)
        self._bases[version] += 1
        task = self.task if world.on_attempt is None else world.on_attempt(self, attempt)
        with world.phase("model exchange"):
            process = begun_attempt(self.algorithm, world, task, client, attempt.state)
        self.running[client], attempt.process = attempt, process
        assert process.callbacks is not None
        process.callbacks.append(lambda _: self._end(attempt, process))

    def _end(self, attempt: Attempt, process: Process) -> None:
        """Take note of an attempt whose process is over."""
        if not process.ok or self.running.get(attempt.client) is not attempt:
            return  # an error ends the trial, and so does its end
        del self.running[attempt.client]
        self._idle.add(attempt.client)
        world, attempt.ended = self.world, self.world.now
        world.end_engagement(attempt.client, world.aggregations + 1, attempt.engaged)
        value: Any = process.value
        if value is GONE:
            self._note(attempt, 0, process.reason)
            self._lost.append(process.reason)
        else:
            self._lost.clear()
            world.note_update(attempt.client)
            attempt.update, attempt.size = value, tree_bytes(value.value, counts_elsewhere)
            world.server.memory.wait(attempt.size)
            self.arrived.append(attempt)
        if self._change is not None and not self._change.triggered:
            self._change.succeed()

    def _engage(self, attempt: Attempt) -> None:
        """Write down the time for which a client has taken part since the last aggregation."""
        world, start = self.world, attempt.engaged
        if world.now > start:
            row = EngagementRow(attempt.client.name, world.aggregations + 1, start, world.now - start)
            world.ledger.engagements.add(row)
            attempt.engaged = world.now

    def _note(self, attempt: Attempt, round: int, reason: str) -> None:
        """Write down what became of an attempt."""
        self._release_base(attempt)
        staleness = round - 1 - attempt.base if round else self.world.aggregations - attempt.base
        self.world.ledger.attempts.add(
            AttemptRow(
                attempt.client.name,
                attempt.number,
                attempt.base,
                attempt.start,
                attempt.ended - attempt.start,
                round,
                staleness,
                reason,
            )
        )
