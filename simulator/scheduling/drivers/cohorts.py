"""Drivers that work in rounds: a cohort is selected, trains, and is aggregated before the next one is selected."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from simulator.accounting.ledger import AttemptRow
from simulator.algorithms.base import Algorithm, OwnOrder, State, Steps, Update
from simulator.scheduling.drivers.base import Driver, Rewind, begun, check_progress
from simulator.scheduling.drivers.routines import begun_attempt
from simulator.scheduling.selection.base import select
from simulator.settings.seeds import Seeds
from simulator.world.processes import GONE, LATE, Handle
from simulator.world.standstill import OUTAGE

if TYPE_CHECKING:
    from simulator.learning.task import Task
    from simulator.scheduling.selection.base import Selection
    from simulator.world.clients import Client
    from simulator.world.world import World


class CohortDriver(Driver):
    """A driver whose rounds follow each other; subclasses say how many are selected, and whom the server waits for.

    If no device can take part, the server waits until one can. A server that has an outage goes on from its last
    aggregation: the round in which it was away ends without an aggregation, and what its cohort did is lost.
    """

    def states(
        self,
        algorithm: Algorithm,
        world: World,
        task: Task,
        *,
        rounds: int,
        clients_per_round: int,
        selection: Selection,
        seeds: Seeds,
    ) -> Generator[State]:
        stored = begun(algorithm, world, task)
        yield stored.value
        size, in_vain, rewind = self.cohort_size(clients_per_round), 0, Rewind(world)
        for number in range(world.aggregations + 1, rounds + 1):
            cohort: list[Client] = []
            while not cohort:
                if world.server.away_since is not None:
                    world.advance(world.await_return([world.server], "next round"))
                cohort = select(selection, world.clients, size, number, seeds)
                if not cohort:
                    absent = [client.site for client in world.clients if client.fits]
                    world.advance(world.await_return(absent, "next cohort"))
            updates = world.updates
            state = world.advance(self._round(algorithm, world, task, stored.value, cohort, number))
            if state is not GONE:
                stored.value = state
            else:  # nobody is left to wait for what the round has started
                rewind.go_back()
                for process in list(world.processes):
                    process.stop(OUTAGE)
            world.aggregations = number
            in_vain = 0 if world.updates > updates else in_vain + 1
            lost = (row.reason for row in world.ledger.attempts if row.base >= number - in_vain)
            check_progress(world, in_vain, "rounds", lost)
            yield stored.value
            rewind.keep()

    def cohort_size(self, clients_per_round: int) -> int:
        """Return how many clients are selected for a round.

        Args:
            clients_per_round: the size of a cohort, as the training settings give it.
        """
        return clients_per_round

    def gather(self, algorithm: Algorithm, world: World, task: Task, state: State, jobs: dict[Client, Handle]) -> Steps:
        """Wait for the clients of a cohort; the value is the updates to aggregate, by client.

        Args:
            algorithm: the algorithm that runs.
            world: the world in which it runs.
            task: the model, its starting weights and the training settings.
            state: the global state at the start of the round.
            jobs: the running part of each client of the cohort.
        """
        yield from world.together(*jobs.values())
        return updates_of(jobs)

    def _round(
        self, algorithm: Algorithm, world: World, task: Task, state: State, cohort: list[Client], number: int
    ) -> Steps:
        """Run one round, and return the next state."""
        engaged = cohort if algorithm.engages_cohort else []
        with world.round(number, engaged):
            if isinstance(algorithm, OwnOrder):
                return (yield from self._own_round(algorithm, world, task, state, cohort, number))
            attempts = Attempts(algorithm, world, task, state, cohort, number)
            try:
                updates = yield from self.gather(algorithm, world, task, state, attempts.jobs)
                for client in updates:
                    world.note_update(client)
                if updates:
                    with world.phase("aggregation"):
                        arrived = list(updates.values())
                        state = yield from algorithm.aggregate(world.server, task, state, arrived)
                attempts.use(updates)
            finally:
                attempts.record(number)
        return state

    def _own_round(
        self, algorithm: OwnOrder, world: World, task: Task, state: State, cohort: list[Client], number: int
    ) -> Steps:
        """Have an algorithm run a round in its own order, and return the next state.

        Whoever was in the cohort counts as used, also those that left on the way: the server may have learned from
        what they sent before.
        """
        number_attempts(cohort, number)
        start, base, ended = world.now, world.aggregations, False
        try:
            state = yield from algorithm.round(world, task, state, cohort)
            world.updates += len(cohort)
            ended = True
            for client in cohort:
                world.note_update(client)
        finally:
            reason, seconds = "" if ended else world.current_reason(), world.now - start
            for client in cohort if algorithm.engages_cohort else []:
                outcome = (number, 0, "") if ended else (0, 0, reason)
                world.ledger.attempts.add(AttemptRow(client.name, client.round_index, base, start, seconds, *outcome))
        return state


def number_attempts(cohort: Sequence[Client], number: int) -> None:
    """Give each client of a cohort the number of its next attempt, and the round whose learning rate it trains with.

    Args:
        cohort: the clients.
        number: the round; no two attempts of a client have the same number.
    """
    for client in cohort:
        client.round_index, client.scheduled_round = max(number, client.round_index + 1), number


class Attempts:
    """The attempts of clients that were given the same state at the same time.

    Creating it starts them.

    Args:
        algorithm: the algorithm that runs.
        world: the world in which it runs.
        task: the model, its starting weights and the training settings.
        state: the state that the clients start from.
        cohort: the clients.
        number: the round that the attempts are numbered by, and that sets the learning rate.

    Attributes:
        jobs: the running part of each client.
    """

    def __init__(
        self, algorithm: Algorithm, world: World, task: Task, state: State, cohort: Sequence[Client], number: int
    ) -> None:
        number_attempts(cohort, number)
        with world.phase("model exchange"):
            self.jobs = {client: Handle(begun_attempt(algorithm, world, task, client, state)) for client in cohort}
        self._world, self._start = world, world.now
        self._used: frozenset[Client] = frozenset()

    def use(self, clients: Iterable[Client]) -> None:
        """Note that the updates of these clients have been aggregated."""
        self._used = frozenset(clients)
        self._world.updates += len(self._used)

    def record(self, number: int) -> None:
        """Record what became of each client: its update was used in round ``number``, or why it was lost."""
        world = self._world
        for client, job in self.jobs.items():
            process = job.process
            end = world.now if process.ended is None else process.ended
            reason = ""
            if client not in self._used:  # it was stopped itself, or with all others, or was done too late to count
                reason = process.reason or (world.main.reason if world.main else "") or LATE
            row = process.attempt, world.aggregations, self._start, end - self._start, 0 if reason else number
            world.ledger.attempts.add(AttemptRow(client.name, *row, 0, reason))


def updates_of(jobs: dict[Client, Handle]) -> dict[Client, Update]:
    """Return the updates of those clients that are done."""
    done: dict[Client, Any] = {client: job.process for client, job in jobs.items() if not job.process.is_alive}
    return {client: process.value for client, process in done.items() if process.value is not GONE}
