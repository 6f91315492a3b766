"""Running a synchronous driver to its end, if wanted with another process beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from simulator.algorithms.base import Algorithm
from simulator.scheduling.drivers.synchronous import Synchronous
from simulator.scheduling.selection.uniform import Uniform
from simulator.settings.seeds import Seeds
from simulator.world.world import World


def drive(
    algorithm: Algorithm,
    world: World,
    task: Any,
    *,
    rounds: int = 1,
    clients_per_round: int | None = None,
    seed: int = 0,
    beside: Iterator[Any] | None = None,
    on_round: Callable[[int, Any], Any] = lambda number, state: None,
) -> Any:
    """Run synchronous rounds, and return the last state.

    Args:
        algorithm: the algorithm.
        world: the world.
        task: the task.
        rounds: how many rounds.
        clients_per_round: the size of the cohort; by default all clients.
        seed: the seed of all random choices.
        beside: a process that runs beside the first round, charged to no client.
        on_round: is called with the number of aggregations and the state, for the initial state too.
    """
    state = None
    size = len(world.clients) if clients_per_round is None else clients_per_round
    states = Synchronous().states(
        algorithm, world, task, rounds=rounds, clients_per_round=size, selection=Uniform(), seeds=Seeds(seed)
    )
    try:
        for state in states:
            on_round(world.aggregations, state)
            if beside is not None:
                world.start(beside)
                beside = None
    finally:
        world.end()
    return state
