"""FlexP-SFL's ways towards the global model: through the steps of head and tail, or through the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from simulator.accounting.payload import Messages
from simulator.algorithms.base import State, Steps

if TYPE_CHECKING:
    from simulator.learning.models.cuts import Cut
    from simulator.learning.models.parts import Part
    from simulator.learning.models.weights import Weights
    from simulator.learning.task import Task
    from simulator.world.clients import Client

REFERENCE = Messages(("reference smashed data",), ("reference features",))
"""What each batch sends so that a teacher answers it."""


def aligned_step(
    client: Client, local: Weights, received: State, kind: Literal["proximal", "projection"], weight: float
) -> Steps:
    """What steps head and tail with regard to the global model ``received``: for ``split_step``, a work and its first
    arguments."""
    from simulator.learning.training.alignment import Projected, movement
    from simulator.learning.training.proximal import proximal_step

    before = client.store.get("global model", received)
    client.store["global model"] = received  # beside the part that is trained
    if kind == "proximal":
        return proximal_step, local, received, weight
    moved = yield from client.compute(movement, received, before)
    return (Projected(local, moved, weight).step,)


class Teacher:
    """The global model as it was before the round, cut as the client's own: asked about each batch, it tells what the
    client is to come near.

    Attributes:
        head, tail: on the device, of what it ``received``.
        body: at the server, of one model that all clients of a round ask.
    """

    def __init__(self, task: Task, client: Client, cut: Cut, received: State, state: State) -> None:
        from simulator.learning.models.weights import Weights

        store = client.server.store
        if (
            "global model" not in store or store["global model"].round != client.round_index
        ):  # the first who asks this round
            store["global model"] = Weights({**task.backbone, **state})
            store["global model"].round = client.round_index
        own = Weights({**task.backbone, **received})
        self.head, self.tail = task.part(own, cut.head), task.part(own, cut.tail)
        self.body = task.part(store["global model"], cut.body)

    def loss(self, client: Client, tail: Part, x: Any, weight: float) -> Steps:
        """Ask about a batch; the value is the work that is its loss for the client's own tail."""
        from simulator.learning.training.alignment import Distilled

        (up,), (down,), _ = REFERENCE
        smashed = yield from client.upload((yield from client.compute(self.head.infer, x)), up)
        features = yield from client.download((yield from client.server.compute(self.body.infer, smashed)), down)
        return Distilled(tail, (yield from client.compute(self.tail.infer, features)), weight).loss_backward
