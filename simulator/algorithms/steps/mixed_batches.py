"""Batches of several clients at once: they lie in a site's memory, and the server trains on them together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from simulator.algorithms.base import Steps

if TYPE_CHECKING:
    from torch import Tensor

    from simulator.learning.models.parts import Part, Pass
    from simulator.world.world import World


def train_mixed(world: World, rest: Part, group: Sequence[tuple[Any, Tensor]], number: int) -> Steps:
    """Shuffle the batches of a group together, and train on that in batches of the usual size, a step each.

    The value is the gradient of all rows, in the order in which they came; None where nobody needs it.
    """
    import torch

    from simulator.learning.training.batches import gather

    if not group:
        return None
    grads, server = [], world.server
    seeds, size = world.clients[0].data.seeds, world.clients[0].data.batch_size
    random = seeds.stream("shuffle", world.current_process().round, number)
    order = torch.from_numpy(random.permutation(sum(len(labels) for _, labels in group)))
    for rows in order.split(size):
        x, y = yield from server.compute(gather, group, rows)
        graded = yield from server.compute(rest.train_step, x, y)
        grads.append((graded.input_grad,))
    if not rest.input_grad:
        return None
    (grad,) = yield from server.compute(gather, grads, order.argsort())
    return grad


def step_once(world: World, rest: Part, group: Sequence[tuple[Pass, int]], number: int) -> Steps:
    """One step on the mean loss of all batches of a group."""
    from simulator.learning.training.activation_cache import step_together

    if group:
        passes, samples = zip(*group, strict=True)
        yield from world.server.compute(step_together, rest.weights, passes, samples)
