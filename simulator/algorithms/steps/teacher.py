"""FlexP-SFL's alignment with the global model: in the steps of head and tail, or in the loss."""

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
"""The additional payloads of each batch when a teacher is asked about it."""


@dataclass(eq=False)
class LastGlobalModel(Store):
    """The global model as a client last received it.

    Attributes:
        tensors: its head and tail, name -> tensor; None before the client first received it.
    """

    tensors: Mapping[str, Any] | None = None


@dataclass(eq=False)
class TeachingModel(Store):
    """The global model at the server, for clients that ask it about their batches.

    Attributes:
        weights: a ``Weights`` object; None before the first use.
        aggregations: the number of aggregations after which the global model had these weights.
    """

    weights: Any = None
    aggregations: int = -1


def aligned_step(client: Client, local: Weights, received: State, kind: str, weight: float) -> Steps:
    """Return the step of head and tail that aligns them with the global model: a work that takes passes.

    Args:
        client: the client; its store holds the global model that it received before this one.
        local: the weights of the client's head and tail.
        received: the global model's head and tail, name -> tensor.
        kind: ``proximal``, or ``projection``.
        weight: strength of the alignment.
    """
    from simulator.learning.training.alignment import Projected, movement
    from simulator.learning.training.proximal import proximal_step

    if kind == "proximal":
        return proximal_step.bind(local, received, weight)
    last = client.store(LastGlobalModel)
    previous, last.tensors = received if last.tensors is None else last.tensors, received
    direction = yield from client.compute(movement, received, previous)
    return Projected(local, direction, weight).step


class Teacher:
    """The global model as of the start of the round, cut like the client's own: the target of its distillation.

    Attributes:
        head, tail: the global model's head and tail on the device, as it received them.
        body: the global model's body at the server, which all clients of the round share.
    """

    def __init__(self, world: World, task: Task, client: Client, cut: Cut, received: State, state: State) -> None:
        from simulator.learning.models.weights import Weights

        shared = world.server.store(TeachingModel)
        if shared.aggregations != world.aggregations:  # the first client since the last aggregation
            shared.weights, shared.aggregations = Weights({**task.backbone, **state}), world.aggregations
        own = Weights({**task.backbone, **received})
        self.head, self.tail = task.part(own, cut.head), task.part(own, cut.tail)
        self.body = task.part(shared.weights, cut.body)

    def loss(self, client: Client, tail: Part, x: Any, weight: float) -> Steps:
        """Run a batch through the global model, and return the loss to use: a work in place of ``tail.loss_backward``.

        Args:
            client: the client whose batch it is.
            tail: the client's own tail, whose loss gains the distillation term.
            x: the inputs of the batch.
            weight: the factor of the distillation term.
        """
        from simulator.learning.training.alignment import Distilled, infer

        (up,), (down,), _ = REFERENCE
        smashed = yield from client.upload((yield from client.compute(self.head.infer, x)), up)
        features = yield from client.download((yield from client.server.compute(self.body.infer, smashed)), down)
        return Distilled(tail, (yield from client.compute(infer, self.tail, features)), weight).loss_backward
