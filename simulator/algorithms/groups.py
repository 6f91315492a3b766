"""Batches of several clients at once: they lie in a site's memory, and the server trains on them together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self

from simulator.algorithms.base import Steps
from simulator.world.store import tree_size

if TYPE_CHECKING:
    from torch import Tensor

    from simulator.algorithms.pipeline import Line
    from simulator.learning.data import Batch
    from simulator.learning.passes import Part, Pass
    from simulator.world.sites import Site
    from simulator.world.world import World


class Pile:
    """Batches that lie in the memory of a site, each once, however many need it.

    What is still there at the end of its ``with`` block goes then, whoever has left and whatever was stopped.
    """

    def __init__(self, site: Site) -> None:
        self._memory = site.memory
        self._lies: dict[int, tuple[Any, int]] = {}  # by the identity of the batch it also holds: and how many need it

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for batch, _ in self._lies.values():
            self._memory.wait(-tree_size(batch))
        self._lies.clear()

    def add(self, batch: Any) -> None:
        """One more needs this batch; the first time, it begins to lie there."""
        _, needed = self._lies.get(id(batch), (batch, 0))
        self._lies[id(batch)] = batch, needed + 1
        if not needed:
            self._memory.wait(tree_size(batch))

    def remove(self, batch: Any) -> None:
        """One less needs it; the last time, it goes."""
        _, needed = self._lies.pop(id(batch))
        if needed > 1:
            self._lies[id(batch)] = batch, needed - 1
        else:
            self._memory.wait(-tree_size(batch))


def images_of(batches: Iterable[Batch]) -> Tensor:
    """Which image of the data set each row of these batches is, int64 [N]."""
    import torch  # here, so that reading a scenario loads no torch

    from simulator.learning.rows import Rows

    return torch.cat([batch.x.index for batch in batches if isinstance(batch.x, Rows)])


def take(line: Line, rest: Part) -> Steps:
    """Wait for the next batch of a line: smashed data and labels, still on its pile; None where nothing more comes."""
    batch = yield from line.arrived.get()
    if batch is None or line.skipped is None:
        return batch
    further = (yield from line.client.server.compute(line.skipped.infer, batch[0])), batch[1]
    line.pile.remove(batch)
    line.pile.add(further)
    return further


def take_graded(line: Line, rest: Part) -> Steps:
    """The same, and send it forward and its input gradients back; the value is the pass and its number of samples.

    Its gradients of weights are asked for, and computed when nothing else waits. The pass has what they need, so the
    batch itself leaves the pile.
    """
    batch = yield from take(line, rest)
    if batch is None:
        return None
    graded = yield from line.client.server.compute(rest.loss_chain, *batch)
    line.pile.remove(batch)
    return (yield from line.client.server.compute(graded.late)), len(batch[1])


def train_mixed(world: World, rest: Part, group: Sequence[tuple[Any, Tensor]], number: int) -> Steps:
    """Shuffle the batches of a group together, and train on that in batches of the usual size, a step each.

    The value is the gradient of all rows, in the order in which they came; None where nobody needs it.
    """
    import torch

    from simulator.learning.mixing import gather

    if not group:
        return None
    grads, server = [], world.server
    seeds, size = world.clients[0].data.seeds, world.clients[0].data.batch_size
    random = seeds.stream("shuffle", world.here().round, number)
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
    from simulator.learning.held import step_together

    if group:
        passes, samples = zip(*group, strict=True)
        yield from world.server.compute(step_together, rest.weights, passes, samples)
