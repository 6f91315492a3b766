"""Training at the server on the batches of several clients together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from simulator.algorithms.base import Steps

if TYPE_CHECKING:
    from torch import Tensor

    from simulator.learning.models.parts import Part, Pass
    from simulator.world.world import World


def train_mixed(world: World, rest: Part, group: Sequence[tuple[Any, Tensor]], number: int) -> Steps:
    """Shuffle the rows of a group of batches, and train on them in batches of the usual size, one step each.

    Args:
        world: the world whose server trains.
        rest: the server's part of the model.
        group: (smashed data [N, ...], labels [N]) of each client.
        number: the index of the group in the round; the shuffle is keyed by it and the round.

    Returns:
        The gradient of the smashed data of all clients, concatenated in the order of the group, [sum of N, ...]; None
        where nothing before the server's part is trained.
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
    """Take one step on the mean loss over all samples of a group.

    Args:
        world: the world whose server takes the step.
        rest: the server's part of the model.
        group: a pass that has been run backward, and its number of samples, for each client.
        number: the index of the group in the round; not used, as nothing is shuffled.
    """
    from simulator.learning.training.activation_cache import step_together

    if group:
        passes, samples = zip(*group, strict=True)
        yield from world.server.compute(step_together, rest.weights, passes, samples)
