"""From devices to the server, batch after batch: forward and upload of frozen layers, side by side or in sequence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.algorithms.base import Steps

if TYPE_CHECKING:
    from torch import Tensor

    from simulator.learning.data import Batch
    from simulator.learning.held import Held
    from simulator.learning.passes import Part, Pass
    from simulator.world.clients import Client
    from simulator.world.world import Buffer, World

SMASHED = "smashed data and labels"


@dataclass(eq=False, frozen=True)
class Line:
    """What one client sends the server.

    Attributes:
        ready: batches that wait for the uplink.
        arrived: those that wait for the server; None: nothing more comes.
        done: an entry for each batch that the server is done with, for who waits for that.
        skipped: the frozen part that others compute on the device, and the server for this one; None: there is none.
    """

    client: Client
    ready: Buffer
    arrived: Buffer
    done: Buffer
    skipped: Part | None

    @classmethod
    def of(cls, world: World, client: Client, room: int, skipped: Part | None = None) -> Line:
        """An empty one, with room for so many batches on either side of the link."""
        ready, arrived = world.buffer(room, client.site), world.buffer(room, client.server)
        return cls(client, ready, arrived, world.buffer(float("inf")), skipped)

    def overlapped(self, head: Part, batches: Iterable[Batch]) -> Steps:
        """Forward, upload and server at the same time, on different batches; the value is what arrived."""
        sent = yield from self.client.site.world.together(self._forward(head, batches), self._carry())
        return sent[-1]

    def _forward(self, head: Part, batches: Iterable[Batch]) -> Steps:
        for x, y in batches:
            yield from self.ready.put(((yield from self.client.compute(head.infer, x)), y))
        yield from self.ready.put(None)

    def _carry(self) -> Steps:
        there = []
        while batch := (yield from self.ready.get()):
            there.append((yield from self.client.upload(batch, SMASHED)))
            yield from self.arrived.put(there[-1])
        return there

    def in_sequence(self, head: Part, batches: Iterable[Batch]) -> Steps:
        """A batch is computed when the server is done with the one before; the value is what arrived."""
        there = []
        for x, y in batches:
            smashed = yield from self.client.compute(head.infer, x)
            there.append((yield from self.client.upload((smashed, y), SMASHED)))
            yield from self.arrived.put(there[-1])
            yield from self.done.get()
        return there

    def from_held(self, held: Held, batches: Iterable[Batch], wait: bool) -> Steps:
        """Batches that need not be sent again; ``wait``: until the server is done with the one before."""
        from simulator.learning.held import look_up

        for batch in batches:
            found = yield from self.client.server.compute(look_up, held, images_of([batch]))
            yield from self.arrived.put(found)
            if wait:
                yield from self.done.get()


def images_of(batches: Iterable[Batch]) -> Tensor:
    """Which image of the data set each row of these batches is, int64 [N]."""
    import torch

    from simulator.learning.rows import Rows

    return torch.cat([batch.x.index for batch in batches if isinstance(batch.x, Rows)])


def take_batch(line: Line, rest: Part) -> Steps:
    """Wait for the next batch of a line: smashed data and labels; None where nothing more comes."""
    batch = yield from line.arrived.get()
    if batch and line.skipped:
        smashed, labels = batch
        return (yield from line.client.server.compute(line.skipped.infer, smashed)), labels
    return batch


def take_graded(line: Line, rest: Part) -> Steps:
    """The same, and send it forward and its input gradients back; the value is the pass and its number of samples.

    Its gradients of weights are asked for, and computed when nothing else waits.
    """
    batch = yield from take_batch(line, rest)
    if batch is None:
        return None
    server = line.client.server
    graded = yield from server.compute(rest.loss_chain, *batch)
    return (yield from server.compute(graded.late)), len(batch[1])


def train_mixed(world: World, rest: Part, group: Sequence[tuple[Any, Tensor]], number: int) -> Steps:
    """Shuffle the batches of a group together, and train on that in batches of the usual size, a step each."""
    import torch

    from simulator.learning.mixing import gather

    if not group:
        return
    seeds, size = world.clients[0].data.seeds, world.clients[0].data.batch_size
    random = seeds.stream("shuffle", world.here().round, number)
    order = torch.from_numpy(random.permutation(sum(len(labels) for _, labels in group)))
    for rows in order.split(size):
        x, y = yield from world.server.compute(gather, group, rows)
        yield from world.server.compute(rest.train_step, x, y)


def step_once(world: World, rest: Part, group: Sequence[tuple[Pass, int]], number: int) -> Steps:
    """One step on the mean loss of all batches of a group."""
    from simulator.learning.held import step_together

    if group:
        passes, samples = zip(*group, strict=True)
        yield from world.server.compute(step_together, rest.weights, passes, samples)
