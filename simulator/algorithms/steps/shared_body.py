"""Weights that lie at the server and that all clients train: one set for as long as a trial lasts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.world.store import Store

if TYPE_CHECKING:
    from simulator.learning.models.weights import Weights
    from simulator.learning.task import Task
    from simulator.world.world import World


@dataclass(eq=False)
class SharedBody(Store):
    """The weights at the server that all clients train; they last, and so does the state of their optimizer."""

    weights: Any = None


def share_body(world: World, task: Task, tensors: Mapping[str, Any]) -> None:
    """Lay these tensors at the server, to be trained by all, with one optimizer that lasts."""
    world.server.store(SharedBody).weights = task.weights(tensors, world.aggregations + 1, owner="server")


def shared_body(world: World, task: Task) -> Weights:
    """The weights at the server that all clients train, at the rate of the aggregation that is going on.

    They go by their own version, how many aggregations there were: not by the round of whichever client comes.
    """
    weights: Weights = world.server.store(SharedBody).weights
    task.start_round(weights, world.aggregations + 1, "server")
    return weights


def shared_tensors(world: World, names: Mapping[str, Any]) -> dict[str, Any]:
    """The newest tensors of these names at the server."""
    weights = world.server.store(SharedBody).weights
    return {name: weights[name] for name in names}
