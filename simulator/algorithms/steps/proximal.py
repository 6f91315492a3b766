"""Training that is pulled towards given weights: one batch of it, and what a pull must not exceed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.algorithms.base import Steps, UnfitError
from simulator.learning.optimizers.base import Optimizer
from simulator.learning.optimizers.sgd import Sgd
from simulator.learning.training.proximal import proximal_step

if TYPE_CHECKING:
    from simulator.learning.data.images import Batch
    from simulator.learning.models.parts import Part
    from simulator.world.clients import Client


def pulled_step(client: Client, model: Part, batch: Batch, anchor: dict[str, Any], strength: float) -> Steps:
    """One batch of training of ``loss + strength / 2 ||w - anchor||^2``, on the device."""
    graded = yield from client.compute(model.loss_backward, *batch)
    yield from client.compute(proximal_step, model.weights, anchor, strength, graded)


def check_pull(key: str, strength: float, optimizer: Optimizer, learning_rate: float | None = None) -> None:
    """Raise ``UnfitError`` if steps of sgd along the pull alone never come to rest.

    On ``strength / 2 ||w - anchor||^2`` they do (heavy ball) while ``learning_rate strength < 2 (1 + momentum)``.
    Adaptive steps are no longer for a stronger pull.

    Args:
        key: the setting that is the strength.
        learning_rate: null: the optimizer's own. A schedule only lowers it.
    """
    rate = learning_rate or optimizer.learning_rate
    if isinstance(optimizer, Sgd) and rate * strength >= (most := 2 * (1 + optimizer.momentum)):
        problem = f"at a learning rate of {rate:g} steps overshoot what they are drawn to, farther each time"
        raise UnfitError(key, strength, problem, f"less than {most / rate:g}, or a lower learning rate")
