"""The synchronous driver: the server waits for the whole cohort before it aggregates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from simulator.algorithms.base import Algorithm, OwnOrder, State, Steps
from simulator.scheduling.drivers.base import Driver, GlobalState
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.learning.task import Task
    from simulator.scheduling.selection.base import Selection
    from simulator.world.clients import Client
    from simulator.world.world import World


class Synchronous(Driver):
    """Synchronous rounds: a cohort is selected, all its clients train, and the server aggregates once all have finished
    (McMahan et al., 2017, Algorithm 1). A client that leaves is not waited for. A round in which no client could take
    part leaves the state unchanged.
    """

    name: ClassVar[str] = "synchronous"

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
    ) -> Iterator[State]:
        stored = world.server.store(GlobalState)
        if not world.aggregations:  # else it goes on from the state of the last aggregation
            stored.value = algorithm.begin(world, task)
        state = stored.value
        yield state
        for number in range(world.aggregations + 1, rounds + 1):
            cohort = selection.choose(world.clients, clients_per_round, number, seeds)
            for client in cohort:
                client.round_index = number
            state = world.advance(self._round(algorithm, world, task, state, cohort, number))
            stored.value, world.aggregations = state, number
            yield state

    def _round(
        self, algorithm: Algorithm, world: World, task: Task, state: State, cohort: list[Client], number: int
    ) -> Steps:
        """Run one round, and return the next state."""
        with world.round(number, cohort if algorithm.engages_cohort else []):
            if isinstance(algorithm, OwnOrder):
                return (yield from algorithm.round(world, task, state, cohort))
            with world.phase("model exchange"):
                jobs = [world.start(algorithm.client(world, task, client, state), client) for client in cohort]
                updates = yield from world.together(*jobs)
            if updates:
                with world.phase("aggregation"):
                    state = yield from algorithm.aggregate(world.server, task, state, updates)
        return state
