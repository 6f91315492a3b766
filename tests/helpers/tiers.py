"""Edges that are put into a world without any, and rounds of a hierarchical driver in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulator.algorithms.base import Algorithm
from simulator.scheduling.drivers.base import Driver
from simulator.scheduling.selection.all import All
from simulator.settings.seeds import Seeds
from simulator.world.hardware import Hardware
from simulator.world.network import Link
from simulator.world.sites import Site
from simulator.world.tiers import Tiers
from simulator.world.world import World


def put_behind(
    world: World, groups: dict[str, list[int]], rate: float = float("inf"), flops_per_s: float = 2e9
) -> dict[str, Site]:
    """Add edges to a world, and put its devices behind them; return the edges by name.

    Args:
        world: the world with its devices.
        groups: the indices of the devices behind each edge, by the edge's name.
        rate: the rate of the edges' links, in bytes/s.
        flops_per_s: the speed of the edges; their memory has no limits.
    """
    world.tiers = Tiers(world.server)
    edges = {}
    for name, members in groups.items():
        links = Link(f"{name} up", rate), Link(f"{name} down", rate)
        edges[name] = Site(world, name, Hardware(flops_per_s), *links)
        world.tiers.add_edge(edges[name], world.server)
        for index in members:
            world.tiers.add_device(world.clients[index].site, edges[name])
    return edges


def drive(
    driver: Driver,
    algorithm: Algorithm,
    world: World,
    task: Any,
    rounds: int,
    between: Callable[[int], Any] = lambda number: None,
) -> Any:
    """Run rounds in which all devices are selected, in their order, and return the last state.

    Args:
        driver: the driver.
        algorithm: the algorithm.
        world: the world.
        task: the task.
        rounds: how many aggregations.
        between: is called with the number of aggregations after each of them, and before the first.
    """
    size, state = len(world.clients), None
    states = driver.states(
        algorithm, world, task, rounds=rounds, clients_per_round=size, selection=All(), seeds=Seeds(0)
    )
    try:
        for state in states:  # noqa: B007  (the last one is returned)
            between(world.aggregations)
    finally:
        states.close()
        world.end()
    return state
