"""Parallel split learning in lockstep: in each step all clients send a batch, and the server trains on all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from simulator.algorithms.base import OwnOrder, State, Steps
from simulator.algorithms.steps.shared_body import TOGETHER, SharedBody, share_body
from simulator.algorithms.steps.split import SplitAlgorithm
from simulator.algorithms.steps.staging import StagedBatches
from simulator.world.clients import download_all

if TYPE_CHECKING:
    from torch import Tensor

    from simulator.learning.data.shards import Batch
    from simulator.learning.models.cuts import Cut
    from simulator.learning.models.parts import Part, Pass
    from simulator.learning.models.staged import Staged
    from simulator.learning.models.weights import Weights
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.processes import Concurrency
    from simulator.world.world import World


@dataclass(eq=False, frozen=True)
class Member:
    """A client that takes part in a round.

    Attributes:
        client: the client.
        head: its head.
        local: the weights that it trains.
        batches: its remaining batches of the round.
    """

    client: Client
    head: Part
    local: Weights
    batches: Iterator[Batch]


class Sent(NamedTuple):
    """A batch that a member sent.

    Attributes:
        member: the sender.
        way: its forward pass through the head, open for the backward pass.
        batch: smashed data [N, ...] and labels [N], as the server received them.
    """

    member: Member
    way: Pass
    batch: tuple[Any, Tensor]


class ParallelSplit(SplitAlgorithm, OwnOrder):
    """A split algorithm with labels sent and one shared part at the server, which takes its steps for all clients at
    once.

    In a step every member sends one batch; the step ends when all have received their gradients. A client with no
    batch left sits out the rest of the round, and so does a device that has left.
    """

    mixes_batches: ClassVar[bool] = True

    @property
    def shares_one_cut(self) -> bool:
        return True

    def serial_at_server(self, model: Staged, training: Training) -> str | None:
        return f"{TOGETHER} splitfed trains a copy for each client (version: v1)"

    def begin(self, world: World, task: Task) -> State:
        cut = self._cut(world, task)
        share_body(world, task, task.trainable(cut.rest))
        return task.trainable(cut.head)

    def step(self, world: World, group: Sequence[tuple[Any, Tensor]], number: int, *parts: Part) -> Steps:
        """Train the server's part on the batches of one step, and return the gradients to send back.

        Args:
            world: the world whose server trains.
            group: (smashed data [N, ...], labels [N]) of each member that sent a batch.
            number: the index of the step in the round, from 0.
            parts: the server's parts of the model, as given to ``_train``.

        Returns:
            None where the heads do not learn; otherwise a pair. First, the gradients that batches have in common,
            [M, ...], where row k is for position k of every batch that shares it, and M may be 0. Second, for each
            batch, the gradients of its remaining rows.
        """
        raise NotImplementedError

    def model_for(self, world: World, task: Task, state: State, client: Client | None = None) -> Mapping[str, Any]:
        return {**world.server.store(SharedBody).weights, **state}

    def _cut(self, world: World, task: Task) -> Cut:
        return self.cut_for(task, world.clients[0])  # all clients have the same cut

    def _join(self, task: Task, client: Client, tensors: Mapping[str, Any]) -> Steps:
        """Return a client as a ``Member`` of the round whose head has these tensors, provisioned if necessary."""
        local = client.weights(tensors)
        head = task.part(local, self.cut_for(task, client).head)
        yield from client.install(head)
        return Member(client, head, local, client.batches("train", epochs=task.training.local_epochs))

    def _train(self, world: World, members: Sequence[Member], *parts: Part) -> Steps:
        """Train step by step until no member has a batch left.

        Args:
            world: the world whose server trains.
            members: the clients that take part.
            parts: the server's parts of the model, which ``step`` is given.

        Returns:
            The members that did not leave while they were training.
        """
        number = 0
        with world.phase("split training"):
            while batches := {member: batch for member in members if (batch := next(member.batches, None))}:
                with StagedBatches(world.server) as staged:
                    uploads = [(member.client, self._send(member, batch, staged)) for member, batch in batches.items()]
                    sent = yield from side_by_side(world, uploads)
                    group = [upload.batch for upload in sent]
                    grads = (yield from self.step(world, group, number, *parts)) if group else None
                remaining = [upload.member for upload in sent]
                if grads is not None:
                    remaining = yield from self._return(sent, *grads)
                members = [member for member in members if member in remaining or member not in batches]
                number += 1
        return members

    def _send(self, member: Member, batch: Batch, staged: StagedBatches) -> Steps:
        """Run a batch through the head and upload it; return it as ``Sent``, held in the server's memory."""
        forward = yield from member.client.compute(member.head.forward, batch.x)
        received = yield from member.client.upload((forward.output, batch.y), "smashed data and labels")
        staged.add(received)
        return Sent(member, forward, received)

    def _return(self, sent: Sequence[Sent], common: Tensor, own: Sequence[Tensor]) -> Steps:
        """Send the gradients back and have the heads trained; return the members that did so.

        The common gradients are broadcast. Once all devices have received them, each is sent the rest of its own.

        Args:
            sent: the batches of the step.
            common: gradients that batches have in common, [M, ...]; row k is for position k of each batch.
            own: for each batch, the gradients of its remaining rows.
        """
        world = sent[0].member.client.site.world
        received = yield from self._broadcast(sent, common, own)
        training = [
            (upload.member.client, self._learn(upload, received[upload.member.client], rows))
            for upload, rows in zip(sent, own, strict=True)
            if upload.member.client in received
        ]
        return (yield from side_by_side(world, training))

    def _broadcast(self, sent: Sequence[Sent], common: Tensor, own: Sequence[Tensor]) -> Steps:
        """Broadcast the common gradients, to each client only the first rows, as many as it needs.

        Arguments as for ``_return``.

        Returns:
            Client -> its rows, in consecutive parts, for the clients that received all of them.
        """
        needed = {
            upload.member.client: len(upload.batch[1]) - len(rows) for upload, rows in zip(sent, own, strict=True)
        }
        ends = sorted(set(needed.values()) - {0})  # one broadcast for the rows between two ends, to all who need them
        broadcasts = [
            download_all(
                [client for client in needed if needed[client] >= end], common[start:end], "aggregated gradient"
            )
            for start, end in zip([0, *ends], ends, strict=False)
        ]
        world = sent[0].member.client.site.world
        arrived = yield from world.together(*broadcasts)
        parts = {client: [rows[client] for rows in arrived if client in rows] for client in needed}
        return {client: rows for client, rows in parts.items() if sum(map(len, rows)) == needed[client]}

    def _learn(self, sent: Sent, grads: list[Tensor], own: Tensor) -> Steps:
        """Back-propagate through the head on the device, and step; return the member.

        Args:
            sent: the batch, with its forward pass.
            grads: the gradients received by broadcast, in consecutive parts; those of the batch's first rows.
            own: the gradients of the other rows, which are still to be downloaded.
        """
        from simulator.learning.training.batches import joined

        client = sent.member.client
        if len(own):
            grads = [*grads, (yield from client.download(own, "smashed gradient"))]
        yield from client.compute(sent.way.backward, joined(grads))
        yield from client.compute(sent.member.local.step, sent.way)
        return sent.member


def side_by_side(world: Concurrency, jobs: Sequence[tuple[Client, Steps]]) -> Steps:
    """Run steps in parallel, each on behalf of its client, and return their results in order.

    Clients that are away are skipped, and those that leave in the meantime have no result.
    """
    running = [world.start(steps, client) for client, steps in jobs if client.site.away_since is None]
    return (yield from world.together(*running))
