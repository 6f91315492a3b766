"""Pipelines from devices to the server: the forward pass of frozen layers and the upload, overlapping or in turn."""

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

    from simulator.learning.data.shards import Batch
    from simulator.learning.models.parts import Part
    from simulator.learning.training.activation_cache import CachedActivations
    from simulator.world.clients import Client
    from simulator.world.processes import Handle

SMASHED = "smashed data and labels"


@dataclass(eq=False)
class ActivationCache(Store):
    """Smashed data that the server keeps, so that they are sent only once.

    Attributes:
        held: the smashed data of each client, by its name.
    """

    held: dict[str, CachedActivations] = field(default_factory=dict)


class ClientPipeline:
    """The pipeline of one client: its device computes smashed data and labels, batch by batch, and sends them to the
    server.

    Attributes:
        client: the client.
        pile: the batches held in the server's memory, of this client and of others.
        overlaps: whether forward pass, upload and the server's work overlap, on different batches; otherwise a batch is
            computed once the server is done with the previous one.
        skipped: the frozen part that deeper cuts have on the device, and that the server computes for this client;
            None if there is none.
        ready: a buffer of batches that wait for the uplink; None in it marks the end.
        arrived: a buffer of batches that wait for the server; None in it marks the end.
        done: a buffer with an entry for each batch that the server is done with.
        kept: all batches received from the device so far, where the server is to cache them; else None.
    """

    def __init__(
        self, client: Client, pile: StagedBatches, room: int, *, overlaps: bool, skipped: Part | None, keeps: bool
    ) -> None:
        """Create the buffers of a pipeline.

        Args:
            client: the client.
            pile: the batches held in the server's memory.
            room: how many batches may wait on either side of the link.
            overlaps: whether forward pass, upload and the server's work overlap.
            skipped: the frozen part that the server computes for this client, if any.
            keeps: whether the server is to cache what it receives.
        """
        world = client.site.world
        self.client, self.pile, self.overlaps, self.skipped = client, pile, overlaps, skipped
        self.ready, self.arrived, self.done = world.buffer(room), world.buffer(room), world.buffer(float("inf"))
        self.kept: list[Any] | None = [] if keeps else None

    def fill(self, head: Part, batches: Iterator[Batch], cache: ActivationCache) -> Steps:
        """Put all of the client's batches of a round into ``arrived``, from the device or from the cache, then None.

        The end has to be marked even if the device leaves, so this must not run on behalf of the client.

        Args:
            head: the frozen head, on the device.
            batches: the client's batches of the round.
            cache: the server's cache; used where the pipeline was created with ``keeps``.
        """
        world, client = self.client.site.world, self.client
        if self.kept is None:
            yield from world.start(self._send(head, batches), client)
        elif client.name not in cache.held:
            epoch = list(islice(batches, ceil(len(client.data) / client.data.batch_size)))
            activations = yield from self._collect(world.start(self._send(head, epoch), client), epoch)
            if activations:
                cache.held = cache.held | {client.name: activations}
        if client.name in cache.held:
            yield from self._replay(cache.held[client.name], batches)
        yield from self.arrived.put(None)

    def _send(self, head: Part, batches: Iterable[Batch]) -> Steps:
        """Compute and send batches from the device; return True once all of them have arrived."""
        yield from self.client.install(head)
        if self.overlaps:
            with StagedBatches(self.client.site) as waiting:
                stages = self._forward(head, batches, waiting), self._upload(waiting)
                yield from self.client.site.world.together(*stages)
        else:
            for x, y in batches:
                smashed = yield from self.client.compute(head.infer, x)
                yield from self._receive((yield from self.client.upload((smashed, y), SMASHED)))
                yield from self.done.get()
        return True

    def _forward(self, head: Part, batches: Iterable[Batch], waiting: StagedBatches) -> Steps:
        """Run batches through the head, and queue the smashed data for the uplink."""
        for x, y in batches:
            batch = (yield from self.client.compute(head.infer, x)), y
            waiting.add(batch)
            yield from self.ready.put(batch)
        yield from self.ready.put(None)

    def _upload(self, waiting: StagedBatches) -> Steps:
        """Upload the queued batches in turn; each takes up the device's memory until it has arrived."""
        while batch := (yield from self.ready.get()):
            received = yield from self.client.upload(batch, SMASHED)
            waiting.remove(batch)
            yield from self._receive(received)

    def _receive(self, batch: Any) -> Steps:
        """Hold a received batch in the server's memory, and queue it for the server."""
        self.pile.add(batch)
        if self.kept is not None:  # a second user of the same memory
            self.pile.add(batch)
            self.kept.append(batch)
        yield from self.arrived.put(batch)

    def _collect(self, sending: Handle, batches: Sequence[Batch]) -> Steps:
        """Wait until an epoch has been sent; return it as ``CachedActivations``, or None if the device left before."""
        from simulator.learning.training.activation_cache import hold

        complete, kept, activations = (yield from sending) is True, self.kept or [], None
        if complete:
            activations = yield from self.client.server.compute(hold, kept, images_of(batches))
        for batch in kept:
            self.pile.remove(batch)
        kept.clear()
        return activations

    def _replay(self, held: CachedActivations, batches: Iterable[Batch]) -> Steps:
        """Queue batches from the cache for the server, instead of having the device send them again."""
        from simulator.learning.training.activation_cache import look_up

        for batch in batches:
            cached = yield from self.client.server.compute(look_up, held, images_of([batch]))
            self.pile.add(cached)
            yield from self.arrived.put(cached)
            if not self.overlaps:
                yield from self.done.get()


def images_of(batches: Iterable[Batch]) -> Tensor:
    """Return the index in the data set of each image of these batches, int64 [N]."""
    import torch  # imported late: reading a scenario loads no torch

    from simulator.learning.data.lazy import LazyBatch

    return torch.cat([batch.x.index for batch in batches if isinstance(batch.x, LazyBatch)])


def take(line: ClientPipeline, rest: Part) -> Steps:
    """Wait for the next batch of a client, and compute the frozen layers that its device left out.

    Args:
        line: the client's pipeline.
        rest: the server's part of the model; not used here, but by ``take_graded``.

    Returns:
        Smashed data [N, ...] and labels [N], still held in the server's memory; None after the last batch.
    """
    batch = yield from line.arrived.get()
    if batch is None or line.skipped is None:
        return batch
    advanced = (yield from line.client.server.compute(line.skipped.infer, batch[0])), batch[1]
    line.pile.remove(batch)
    line.pile.add(advanced)
    return advanced


def take_graded(line: ClientPipeline, rest: Part) -> Steps:
    """Take the next batch of a client, and run it forward and backward through the server's part of the model.

    Weight gradients are computed when nothing else waits at the server. The pass keeps what they need, so the batch
    itself is freed.

    Args:
        line: the client's pipeline.
        rest: the server's part of the model.

    Returns:
        The pass, and its number of samples; None after the last batch.
    """
    batch = yield from take(line, rest)
    if batch is None:
        return None
    graded = yield from line.client.server.compute(rest.loss_chain, *batch)
    line.pile.remove(batch)
    return (yield from line.client.server.compute(graded.late)), len(batch[1])
