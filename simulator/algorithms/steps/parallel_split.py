"""Clients in step: all send a batch, the server trains on all of them at once, and the next step begins for all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from simulator.algorithms.base import OwnOrder, State, Steps
from simulator.algorithms.steps.shared_body import SharedBody, share_body
from simulator.algorithms.steps.split import SplitAlgorithm
from simulator.algorithms.steps.staging import StagedBatches
from simulator.world.clients import download_all

if TYPE_CHECKING:
    from torch import Tensor

    from simulator.learning.data.images import Batch
    from simulator.learning.models.cuts import Cut
    from simulator.learning.models.parts import Part, Pass
    from simulator.learning.models.weights import Weights
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.processes import Concurrency
    from simulator.world.world import World


@dataclass(eq=False, frozen=True)
class Member:
    """A client in a round: its head, the weights it trains, and the batches that are left to it."""

    client: Client
    head: Part
    local: Weights
    batches: Iterator[Batch]


class Sent(NamedTuple):
    """What a member sent: its pass, open for the way back, and as they arrived, smashed data and labels [N]."""

    member: Member
    way: Pass
    batch: tuple[Any, Tensor]


class ParallelSplit(SplitAlgorithm, OwnOrder):
    """The head on the device, labels sent, and one part at the server that all share, with a step for all at once.

    In a step every member sends one batch; it is over when all have their gradients. Whoever has no batch left sits
    out, and so does a device that has left, till the end of the round.
    """

    @property
    def shares_one_cut(self) -> bool:
        return True

    def begin(self, world: World, task: Task) -> State:
        cut = self._cut(world, task)
        share_body(world, task, task.trainable(cut.rest))
        return task.trainable(cut.head)

    def step(self, world: World, group: Sequence[tuple[Any, Tensor]], number: int, *parts: Part) -> Steps:
        """What the server does with the batches of a step, from the first (0) of the round on.

        The value is what goes back, None where nobody needs it: gradients of the first rows of each batch, which all
        have in common (there may be none), and for each batch those of its other rows.
        """
        raise NotImplementedError

    def model_for(self, world: World, task: Task, state: State, client: Client | None = None) -> Mapping[str, Any]:
        return {**world.server.store(SharedBody).weights, **state}

    def _cut(self, world: World, task: Task) -> Cut:
        return self.cut_for(task, world.clients[0])  # all have the same

    def _join(self, task: Task, client: Client, tensors: Mapping[str, Any]) -> Steps:
        """Make ready for a round with these weights of the head; the value is the member."""
        local = client.weights(tensors)
        head = task.part(local, self.cut_for(task, client).head)
        yield from client.install(head)
        return Member(client, head, local, client.batches("train", epochs=task.training.local_epochs))

    def _train(self, world: World, members: Sequence[Member], *parts: Part) -> Steps:
        """Step after step till nobody has a batch left; the value is the members that are still there."""
        number = 0
        with world.phase("split training"):
            while due := {member: batch for member in members if (batch := next(member.batches, None))}:
                with StagedBatches(world.server) as pile:
                    jobs = [(member.client, self._send(member, batch, pile)) for member, batch in due.items()]
                    sent = yield from side_by_side(world, jobs)
                    group = [one.batch for one in sent]
                    grads = (yield from self.step(world, group, number, *parts)) if group else None
                back = [one.member for one in sent]
                if grads is not None:
                    back = yield from self._return(sent, *grads)
                members = [member for member in members if member in back or member not in due]
                number += 1
        return members

    def _send(self, member: Member, batch: Batch, pile: StagedBatches) -> Steps:
        """A batch through the head and to the server, where it lies on the pile; the value is a ``Sent``."""
        way = yield from member.client.compute(member.head.forward, batch.x)
        arrived = yield from member.client.upload((way.output, batch.y), "smashed data and labels")
        pile.add(arrived)
        return Sent(member, way, arrived)

    def _return(self, sent: Sequence[Sent], common: Tensor, own: Sequence[Tensor]) -> Steps:
        """What several have in common is broadcast to them; when all have it, each is sent its own. The value is the
        members that learned."""
        world = sent[0].member.client.site.world
        received = yield from self._broadcast(sent, common, own)
        jobs = [
            (one.member.client, self._learn(one, received[one.member.client], rows))
            for one, rows in zip(sent, own, strict=True)
            if one.member.client in received
        ]
        return (yield from side_by_side(world, jobs))

    def _broadcast(self, sent: Sequence[Sent], common: Tensor, own: Sequence[Tensor]) -> Steps:
        """The common rows, to each as many of the first as its batch has; the value is these, in parts, by client."""
        wanted = {one.member.client: len(one.batch[1]) - len(rows) for one, rows in zip(sent, own, strict=True)}
        ends = sorted(
            set(wanted.values()) - {0}
        )  # rows up to the first are common to all, up to the last to the longest
        broadcasts = [
            download_all(
                [client for client in wanted if wanted[client] >= end], common[start:end], "aggregated gradient"
            )
            for start, end in zip([0, *ends], ends, strict=False)
        ]
        world = sent[0].member.client.site.world
        arrived = yield from world.together(*broadcasts)
        parts = {client: [found[client] for found in arrived if client in found] for client in wanted}
        return {client: rows for client, rows in parts.items() if sum(map(len, rows)) == wanted[client]}  # who is left

    def _learn(self, sent: Sent, grads: list[Tensor], own: Tensor) -> Steps:
        """Back-propagate on the device, and step; the value is the member."""
        from simulator.learning.training.batches import joined

        client = sent.member.client
        if len(own):
            grads = [*grads, (yield from client.download(own, "smashed gradient"))]
        yield from client.compute(sent.way.backward, joined(grads))
        yield from client.compute(sent.member.local.step, sent.way)
        return sent.member


def side_by_side(world: Concurrency, jobs: Sequence[tuple[Client, Steps]]) -> Steps:
    """Each on behalf of its client, if that is there; the value is what came back, in order."""
    there = [world.start(steps, client) for client, steps in jobs if client.site.away_since is None]
    return (yield from world.together(*there))
