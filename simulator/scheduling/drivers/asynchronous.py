"""Drivers without rounds: clients start and end on their own, and the server aggregates what has arrived."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from simulator.algorithms.base import Algorithm, State, Steps
from simulator.scheduling.drivers.base import Driver, Rewind, begun, refuse_own_order
from simulator.scheduling.drivers.fleet import Attempt, Fleet
from simulator.scheduling.staleness.base import Staleness
from simulator.settings.bounds import CountOrZero, Devices
from simulator.settings.errors import UnfitError
from simulator.settings.plugins import STALENESS
from simulator.settings.seeds import Seeds
from simulator.world.processes import GONE
from simulator.world.standstill import OUTAGE

if TYPE_CHECKING:
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.scheduling.selection.base import Selection
    from simulator.world.world import World


class AsynchronousDriver(Driver):
    """A driver that never waits for a whole cohort: as soon as a client is done, another is given the newest state.

    An update may so have started from an older state than it meets. It is moved to the present before it is aggregated,
    and counts less the staler it is. A round is one aggregation; works and transfers belong to the round in which they
    were asked for or ended. A server that has an outage loses the updates that it has not aggregated.

    Attributes:
        concurrency: how many clients train at the same time; null: ``clients_per_round``.
        staleness: how much an update counts that started from an older state.
        max_staleness: the largest staleness with which an update is used; staler ones are lost ("stale"). null: any.
    """

    needs_bases: ClassVar[bool] = True
    """Whether it needs the states that updates started from, besides the present one."""
    concurrency: Devices | None = None
    staleness: Annotated[Staleness, STALENESS] = Field(default={"name": "polynomial"}, validate_default=True)
    max_staleness: CountOrZero | None = None

    def check(self, algorithm: Algorithm, training: Training, devices: int) -> None:
        refuse_own_order(self, algorithm)
        if algorithm.needs_cohort:
            problem = (
                f"{algorithm.name} needs to know its cohort for {algorithm.needs_cohort}, and there is no cohort here"
            )
            raise UnfitError("name", self.name, problem, "synchronous or deadline, or order: arrival")
        if self.places(training.clients_per_round) > devices:
            problem = f"the world has {devices} device{'s' * (devices > 1)}, and each does one thing at a time"
            raise UnfitError("concurrency", self.concurrency, problem, f"1 to {devices}")

    def places(self, clients_per_round: int) -> int:
        """Return how many clients train at the same time, where a cohort has this many."""
        return self.concurrency or clients_per_round

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
        places, rewind = self.places(clients_per_round), Rewind(world)
        fleet = Fleet(algorithm, world, task, selection, seeds, places, self.needs_bases)
        try:
            while world.aggregations < rounds:
                if world.server.away_since is not None:
                    world.advance(world.await_return([world.server], "next update"))
                state = world.advance(self._to_the_next(fleet, stored.value))
                if state is GONE:
                    rewind.go_back()
                    fleet.lose(fleet.pop_arrived(), OUTAGE)
                    continue
                stored.value = state
                world.aggregations += 1
                yield state
                rewind.keep()
        finally:
            fleet.close()

    def until_due(self, fleet: Fleet, state: State) -> Steps:
        """Keep the fleet at work until an aggregation is due.

        The value is the attempts to aggregate, at least one, and how many intervals passed without any.

        Args:
            fleet: the clients at work.
            state: the present state, which clients are given that start now.
        """
        raise NotImplementedError

    def change_of(self, attempt: Attempt, state: State, weight: float) -> tuple[State, float]:
        """Return the state to which an update is compared, and how much of the difference is applied to the present.

        By default that is the state that the client started from, and the weight.

        Args:
            attempt: the attempt with the update.
            state: the present state.
            weight: the weight of its staleness.
        """
        return attempt.state, weight

    def _to_the_next(self, fleet: Fleet, state: State) -> Steps:
        """Run the world to the end of the next aggregation, and return the new state."""
        world, before = fleet.world, state
        world.current_process().round = world.aggregations + 1
        while True:
            due, empty = yield from self.until_due(fleet, state)
            fresh = [attempt for attempt in due if not self._is_stale(world, attempt)]
            fleet.lose((attempt for attempt in due if self._is_stale(world, attempt)), "stale")
            if fresh:
                break
        try:
            with world.phase("aggregation"):
                updates = yield from self._moved(fleet, state, fresh)
                state = yield from fleet.algorithm.aggregate(world.server, fleet.task, state, updates)
        except BaseException:  # the server left, or the trial has ended
            fleet.lose(fresh, world.current_reason())
            raise
        fleet.aggregated(fresh, before, empty)
        return state

    def _moved(self, fleet: Fleet, state: State, attempts: Sequence[Attempt]) -> Steps:
        """Return the updates of attempts, moved to the present state."""
        algorithm, server, updates = fleet.algorithm, fleet.world.server, []
        for attempt in attempts:
            assert attempt.update is not None
            weight = self.staleness.weight(fleet.world.aggregations - attempt.base)
            base, weight = self.change_of(attempt, state, weight)
            updates.append((yield from algorithm.moved(server, fleet.task, state, attempt.update, base, weight)))
        return updates

    def _is_stale(self, world: World, attempt: Attempt) -> bool:
        return self.max_staleness is not None and world.aggregations - attempt.base > self.max_staleness
