"""FlexP-SFL's ways towards the global model: through the steps of head and tail, or through the loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.accounting.payload import Messages
from simulator.algorithms.base import State, Steps
from simulator.world.store import Store

if TYPE_CHECKING:
    from simulator.learning.models.cuts import Cut
    from simulator.learning.models.parts import Part
    from simulator.learning.models.weights import Weights
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.world import World

REFERENCE = Messages(("reference smashed data",), ("reference features",))
"""What each batch sends so that a teacher answers it."""


@dataclass(eq=False)
class LastGlobalModel(Store):
    """Of a client: the head and tail of the global model that it was sent last; None before that."""

    tensors: Mapping[str, Any] | None = None


@dataclass(eq=False)
class TeachingModel(Store):
    """At the server: the global model that clients ask, and after how many aggregations it was that."""

    weights: Any = None
    aggregations: int = -1


def aligned_step(client: Client, local: Weights, received: State, kind: str, weight: float) -> Steps:
    """What steps head and tail with regard to the global model ``received``; the value is a work that takes passes."""
    from simulator.learning.training.alignment import Projected, movement
    from simulator.learning.training.proximal import proximal_step

    if kind == "proximal":
        return proximal_step.bind(local, received, weight)
    last = client.store(LastGlobalModel)
    before, last.tensors = received if last.tensors is None else last.tensors, received
    moved = yield from client.compute(movement, received, before)
    return Projected(local, moved, weight).step


class Teacher:
    """The global model as it was before the round, cut as the client's own: asked about each batch, it tells what the
    client is to come near.

    Attributes:
        head, tail: on the device, of what it ``received``.
        body: at the server, of one model that all clients of a round ask.
    """

    def __init__(self, world: World, task: Task, client: Client, cut: Cut, received: State, state: State) -> None:
        from simulator.learning.models.weights import Weights

        shared = world.server.store(TeachingModel)
        if shared.aggregations != world.aggregations:  # the first who asks since the last of them
            shared.weights, shared.aggregations = Weights({**task.backbone, **state}), world.aggregations
        own = Weights({**task.backbone, **received})
        self.head, self.tail = task.part(own, cut.head), task.part(own, cut.tail)
        self.body = task.part(shared.weights, cut.body)

    def loss(self, client: Client, tail: Part, x: Any, weight: float) -> Steps:
        """Ask about a batch; the value is the work that is its loss for the client's own tail."""
        from simulator.learning.training.alignment import Distilled

        (up,), (down,), _ = REFERENCE
        smashed = yield from client.upload((yield from client.compute(self.head.infer, x)), up)
        features = yield from client.download((yield from client.server.compute(self.body.infer, smashed)), down)
        return Distilled(tail, (yield from client.compute(self.tail.infer, features)), weight).loss_backward
