"""A toy algorithm for drivers, its world, and a run of a driver: everything can be worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch

from simulator.algorithms.base import Algorithm, Update
from simulator.scheduling.drivers.base import Driver
from simulator.scheduling.selection.uniform import Uniform
from simulator.settings.seeds import Seeds
from simulator.world.world import World
from tests.helpers.worlds import Steps, device, job, tiny


class Adding(Algorithm):
    """Client ``a``, ``b``, ... takes as many seconds as ``seconds`` says, and adds as much as ``adds`` says."""

    name: ClassVar[str] = "adding"
    seconds: dict[str, int]
    adds: dict[str, float]

    def begin(self, world: World, task: Any) -> Any:
        return {"w": torch.tensor(0.0, dtype=torch.float64)}

    def client(self, world: World, task: Any, client: Any, state: Any) -> Steps:
        yield from client.compute(job(self.seconds[client.name], name="train"))
        return Update({"w": state["w"] + self.adds[client.name]}, weight=1)


def crowd(names: str = "abc") -> World:
    world = tiny()
    for name in names:
        device(world, name)
    return world


def drive(
    driver: Driver,
    algorithm: Algorithm,
    world: World,
    rounds: int,
    size: int = 3,
    between: Callable[[int], Any] = lambda number: None,
) -> list[tuple[float, float]]:
    """Run a driver, and return the clock and the number of the state after each aggregation."""
    states = driver.states(
        algorithm, world, None, rounds=rounds, clients_per_round=size, selection=Uniform(), seeds=Seeds(0)
    )
    seen = []
    try:
        for state in states:
            seen.append((world.now, float(state["w"])))
            between(world.aggregations)
    finally:
        states.close()
        world.end()
    return seen


TOY = {"seconds": {"a": 2, "b": 3, "c": 7}, "adds": {"a": 1.0, "b": 10.0, "c": 100.0}}


class Training:
    """The training settings that a driver looks at."""

    clients_per_round = 4
