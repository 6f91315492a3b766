"""Weights at the server that all clients train: one set for the whole trial."""

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
    """The weights at the server that all clients train.

    Attributes:
        weights: a ``Weights`` object, which persists with its optimizer state; None before ``share_body``.
    """

    weights: Any = None


def share_body(world: World, task: Task, tensors: Mapping[str, Any]) -> None:
    """Place tensors at the server for all clients to train, with one persistent optimizer.

    Args:
        world: the world whose server stores them.
        task: the model, which provides the other weights and the optimizer.
        tensors: initial values, name -> tensor.
    """
    world.server.store(SharedBody).weights = task.weights(tensors, world.aggregations + 1, owner="server")


def shared_body(world: World, task: Task) -> Weights:
    """Return the weights at the server that all clients train, with the learning rate of the current aggregation.

    The learning rate follows the number of aggregations so far, not the ``round_index`` of the client being served.
    """
    weights: Weights = world.server.store(SharedBody).weights
    task.start_round(weights, world.aggregations + 1, "server")
    return weights


def shared_tensors(world: World, names: Mapping[str, Any]) -> dict[str, Any]:
    """Return the newest tensors at the server, for the keys of ``names``."""
    weights = world.server.store(SharedBody).weights
    return {name: weights[name] for name in names}
