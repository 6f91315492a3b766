"""One batch of training that is pulled towards given weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.algorithms.base import Steps
from simulator.learning.proximal import proximal_step

if TYPE_CHECKING:
    from simulator.learning.data import Batch
    from simulator.learning.passes import Part
    from simulator.world.clients import Client


def pulled_step(client: Client, model: Part, batch: Batch, anchor: dict[str, Any], strength: float) -> Steps:
    """One batch of training of ``loss + strength / 2 ||w - anchor||^2``, on the device."""
    graded = yield from client.compute(model.loss_backward, *batch)
    yield from client.compute(proximal_step, model.weights, anchor, strength, graded)
