"""Rounds in step: a cohort is chosen, all its clients come back, the server aggregates."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simulator.algorithms.base import Algorithm, OwnOrder, State, Steps
from simulator.seeds import Seeds
from simulator.synchrony.cohorts import Selection

if TYPE_CHECKING:
    from simulator.learning.task import Task
    from simulator.world.world import World

After = Callable[[int, State], Any]


def synchronous(
    algorithm: Algorithm,
    world: World,
    task: Task,
    *,
    rounds: int,
    clients_per_round: int,
    selection: Selection,
    seeds: Seeds,
    after: After = lambda round, state: None,
) -> Steps:
    """Run ``rounds`` aggregations; the value is the last state.

    ``after(round, state)`` is called with the state before round 1 (as round 0) and after each aggregation, off the
    clock. A round in which nobody could take part leaves the state as it is.
    """
    state = world.server.store["state"] = algorithm.begin(world, task)
    after(0, state)
    for number in range(1, rounds + 1):
        cohort = selection.choose(world.clients, clients_per_round, number, seeds)
        for client in cohort:
            client.turn = number
        with world.round(number, cohort if algorithm.engages_cohort else []):
            if isinstance(algorithm, OwnOrder):
                state = yield from algorithm.round(world, task, state, cohort)
            else:
                with world.phase("model exchange"):
                    jobs = [world.start(algorithm.client(world, task, client, state), client) for client in cohort]
                    updates = yield from world.together(*jobs)
                if updates:
                    with world.phase("aggregation"):
                        state = yield from algorithm.aggregate(world.server, task, state, updates)
        world.server.store["state"] = state
        after(number, state)
    return state
