"""From devices to the server, batch after batch: forward and upload of frozen layers, side by side or in sequence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import ceil
from typing import TYPE_CHECKING, Any

from simulator.algorithms.base import Steps
from simulator.algorithms.steps.staging import StagedBatches
from simulator.world.store import Store

if TYPE_CHECKING:
    from torch import Tensor

    from simulator.learning.data.images import Batch
    from simulator.learning.models.parts import Part
    from simulator.learning.training.activation_cache import CachedActivations
    from simulator.world.clients import Client
    from simulator.world.processes import Handle

SMASHED = "smashed data and labels"


@dataclass(eq=False)
class ActivationCache(Store):
    """Smashed data that the server holds, by the names of the clients that sent them."""

    held: dict[str, CachedActivations] = field(default_factory=dict)


class ClientPipeline:
    """What one client sends the server.

    Attributes:
        pile: what lies at the server, of this line and of others.
        overlaps: forward, upload and server work at the same time, on different batches; else a batch is computed when
            the server is done with the one before.
        skipped: the frozen part that others compute on the device, and the server for this one; None: there is none.
        ready: batches that wait for the uplink.
        arrived: those that wait for the server; None: nothing more comes.
        done: an entry for each batch that the server is done with, for who waits for that.
        kept: all that arrived from the device, where the server is to hold it; None: it is not.
    """

    def __init__(
        self, client: Client, pile: StagedBatches, room: int, *, overlaps: bool, skipped: Part | None, keeps: bool
    ) -> None:
        """``room``: for so many batches, on either side of the link."""
        world = client.site.world
        self.client, self.pile, self.overlaps, self.skipped = client, pile, overlaps, skipped
        self.ready, self.arrived, self.done = world.buffer(room), world.buffer(room), world.buffer(float("inf"))
        self.kept: list[Any] | None = [] if keeps else None

    def fill(self, head: Part, batches: Iterator[Batch], cache: ActivationCache) -> Steps:
        """Everything that the client brings in a round, from the device or from what the server holds of it; then the
        end, which comes also where the device has left: run this on nobody's behalf.
        """
        world, client = self.client.site.world, self.client
        if self.kept is None:
            yield from world.start(self._send(head, batches), client)
        elif client.name not in cache.held:
            epoch = list(islice(batches, ceil(len(client.data) / client.data.batch_size)))
            held = yield from self._keep(world.start(self._send(head, epoch), client), epoch)
            if held:
                cache.held = cache.held | {client.name: held}
        if client.name in cache.held:
            yield from self._look_up(cache.held[client.name], batches)
        yield from self.arrived.put(None)

    def _send(self, head: Part, batches: Iterable[Batch]) -> Steps:
        """From the device, each batch when its turn comes; the value is True: all of them arrived."""
        yield from self.client.install(head)
        if self.overlaps:
            with StagedBatches(self.client.site) as own:
                yield from self.client.site.world.together(self._forward(head, batches, own), self._carry(own))
        else:
            for x, y in batches:
                smashed = yield from self.client.compute(head.infer, x)
                yield from self._arrive((yield from self.client.upload((smashed, y), SMASHED)))
                yield from self.done.get()
        return True

    def _forward(self, head: Part, batches: Iterable[Batch], own: StagedBatches) -> Steps:
        for x, y in batches:
            batch = (yield from self.client.compute(head.infer, x)), y
            own.add(batch)
            yield from self.ready.put(batch)
        yield from self.ready.put(None)

    def _carry(self, own: StagedBatches) -> Steps:
        while batch := (yield from self.ready.get()):
            arrived = yield from self.client.upload(batch, SMASHED)
            own.remove(batch)
            yield from self._arrive(arrived)

    def _arrive(self, batch: Any) -> Steps:
        self.pile.add(batch)
        if self.kept is not None:
            self.pile.add(batch)
            self.kept.append(batch)
        yield from self.arrived.put(batch)

    def _keep(self, sending: Handle, batches: Sequence[Batch]) -> Steps:
        """Wait until these are sent; the value is all of them as one, or None if the device left before."""
        from simulator.learning.training.activation_cache import hold

        whole, kept, held = (yield from sending) is True, self.kept or [], None
        if whole:
            held = yield from self.client.server.compute(hold, kept, images_of(batches))
        for batch in kept:
            self.pile.remove(batch)
        kept.clear()
        return held

    def _look_up(self, held: CachedActivations, batches: Iterable[Batch]) -> Steps:
        """Batches that need not be sent again."""
        from simulator.learning.training.activation_cache import look_up

        for batch in batches:
            found = yield from self.client.server.compute(look_up, held, images_of([batch]))
            self.pile.add(found)
            yield from self.arrived.put(found)
            if not self.overlaps:
                yield from self.done.get()


def images_of(batches: Iterable[Batch]) -> Tensor:
    """Which image of the data set each row of these batches is, int64 [N]."""
    import torch  # here, so that reading a scenario loads no torch

    from simulator.learning.data.lazy import LazyBatch

    return torch.cat([batch.x.index for batch in batches if isinstance(batch.x, LazyBatch)])


def take(line: ClientPipeline, rest: Part) -> Steps:
    """Wait for the next batch of a line: smashed data and labels, still on its pile; None where nothing more comes."""
    batch = yield from line.arrived.get()
    if batch is None or line.skipped is None:
        return batch
    further = (yield from line.client.server.compute(line.skipped.infer, batch[0])), batch[1]
    line.pile.remove(batch)
    line.pile.add(further)
    return further


def take_graded(line: ClientPipeline, rest: Part) -> Steps:
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
