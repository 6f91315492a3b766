"""Training with a proximal term that pulls weights towards an anchor, and the limit of its strength."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.algorithms.base import Steps, UnfitError
from simulator.learning.optimizers.base import Optimizer
from simulator.learning.optimizers.sgd import Sgd
from simulator.learning.training.proximal import proximal_step

if TYPE_CHECKING:
    from simulator.learning.data.shards import Batch
    from simulator.learning.models.parts import Part
    from simulator.world.clients import Client


def pulled_step(client: Client, model: Part, batch: Batch, anchor: dict[str, Any], strength: float) -> Steps:
    """Take one step on ``loss + strength / 2 ||w - anchor||^2`` for a batch, on the device.

    Args:
        client: the client whose device computes.
        model: the model to train; its weights are ``w``.
        batch: inputs, and labels [N].
        anchor: the weights that ``w`` is pulled towards: a tensor for each trained name.
        strength: the factor of the proximal term.
    """
    graded = yield from client.compute(model.loss_backward, *batch)
    yield from client.compute(proximal_step, model.weights, anchor, strength, graded)


def check_pull(key: str, strength: float, optimizer: Optimizer, learning_rate: float | None = None) -> None:
    """Refuse a proximal term so strong that sgd on it alone does not converge.

    On ``strength / 2 ||w - anchor||^2``, sgd (heavy ball) converges for ``learning_rate strength < 2 (1 + momentum)``.
    Optimizers with adaptive steps are not limited: their steps do not grow with the strength.

    Args:
        key: the setting that holds the strength, for the message.
        strength: the factor of the proximal term.
        optimizer: the optimizer that trains the weights.
        learning_rate: before the schedule, which only lowers it; None: the optimizer's own.

    Raises:
        UnfitError: the product of learning rate and strength is too large.
    """
    rate = learning_rate or optimizer.learning_rate
    if isinstance(optimizer, Sgd) and rate * strength >= (limit := 2 * (1 + optimizer.momentum)):
        problem = f"at a learning rate of {rate:g} steps overshoot what they are drawn to, farther each time"
        raise UnfitError(key, strength, problem, f"less than {limit / rate:g}, or a lower learning rate")
