"""SplitFed: devices train a head (and a tail), the server the rest, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from simulator.accounting.payload import Messages
from simulator.algorithms.base import State, Steps, UnfitError, Update
from simulator.algorithms.steps.epochs import each_batch
from simulator.algorithms.steps.shared_body import SharedBody, share_body, shared_body
from simulator.algorithms.steps.split import UShaped
from simulator.algorithms.steps.split_step import (
    labelled_messages,
    labelled_step,
    provisioned,
    split_messages,
    split_step,
)

if TYPE_CHECKING:
    from simulator.learning.data.images import Batch
    from simulator.learning.models.cuts import Cut, Ranges
    from simulator.learning.models.staged import Staged
    from simulator.learning.models.weights import Weights
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.world import World


class SplitFed(UShaped):
    """SplitFed (Thapa et al., 2022; arXiv 2004.12088, Algorithms 1 and 2): devices train a head (and a tail) side by
    side, the server the rest. ``train: full`` is SFL+FF, ``linear`` SFL+Linear.

    Attributes:
        version: ``v1``: the server trains a copy of its part for each client, and averages both sides. ``v2``: one
            shared part, stepped by all in the order in which they are served.
        body: for ``v2``. ``stashed``: clients interleave, each pass keeps the weights it was computed with and applies
            its gradients to the newest; ``exclusive``: one client holds the part from forward to step. (The paper has
            the server take clients in turn and leaves this open; both readings are ours.) With labels sent, forward,
            backward and step are one service, and the two are the same.
        labels: ``private``: U-shaped, the tail is on the device; ``sent``: labels go to the server, and so does the
            tail.
        tail: blocks on the device before norm and classifier; not looked at where labels are sent.
    """

    name: ClassVar[str] = "splitfed"
    version: Literal["v1", "v2"] = "v1"
    body: Literal["stashed", "exclusive"] = "stashed"
    labels: Literal["private", "sent"] = "private"

    @property
    def shares_one_cut(self) -> bool:
        return self.version == "v2"

    def _messages(self, model: Staged, at: Cut) -> Messages:
        step = split_messages(model, at) if self.labels == "private" else labelled_messages(model, at)
        device, _ = self._sides(at)
        mine = ("model",) if any(model.slice(ranges).trainable for ranges in device) else ()
        return Messages((*mine, *step.up), (*mine, *provisioned(model, *device), *step.down))

    def check(self, model: Staged, training: Training) -> None:
        super().check(model, training)
        if self.version == "v1" and self.body == "exclusive":
            raise UnfitError("body", self.body, "each client has a body of its own in v1", "exclusive with version: v2")

    @property
    def _tail(self) -> int:
        """Blocks that are cut off behind the body; none where the tail is at the server anyway."""
        return self.tail if self.labels == "private" else 0

    @property
    def _exclusive(self) -> bool:
        return self.body == "exclusive"

    def begin(self, world: World, task: Task) -> State:
        """All that is trained; in ``v2`` what devices train of it, the rest lives at the server."""
        if self.version == "v1":
            return task.trainable()
        device, server = self._sides(self.cut_for(task, world.clients[0]))  # all have the same
        share_body(world, task, task.trainable(server))
        return _trained(task, device)

    def client(self, world: World, task: Task, client: Client, state: State) -> Steps:
        cut = self.cut_for(task, client)
        device, server = self._sides(cut)
        mine = {name: state[name] for name in _trained(task, device)}
        local = client.weights((yield from client.download(mine, "model")) if mine else {})
        served = self._served(world, task, client, state)
        head, tail = task.part(local, cut.head), task.part(local, cut.tail)
        body, rest = task.part(served, cut.body), task.part(served, cut.rest)
        yield from client.install(*((head, tail) if self.labels == "private" else (head,)))

        def step(batch: Batch) -> Steps:
            if self.labels == "private":
                return split_step(client, head, body, tail, batch, local, exclusive=self._exclusive)
            return labelled_step(client, head, rest, batch, local)  # one service at the server: nobody comes between

        with world.phase("split training"):
            yield from each_batch(client, task.training.local_epochs, step)
        value = (yield from client.upload(local.release_copy(mine), "model")) if mine else {}
        if self.version == "v1":
            value = {**value, **served.release_copy(task.trainable(server))}
        return Update(value, weight=len(client.data))

    def aggregate(self, site: Any, task: Task, state: State, updates: list[Update]) -> Steps:
        return (yield from super().aggregate(site, task, state, updates)) if state else state

    def model_for(self, world: World, task: Task, state: State, client: Client | None = None) -> Mapping[str, Any]:
        if self.version == "v1":
            return state
        return {**world.server.store(SharedBody).weights, **state}

    def _sides(self, cut: Cut) -> tuple[tuple[Ranges, ...], Ranges]:
        """The stages on the device, and those at the server."""
        return ((cut.head, cut.tail), cut.body) if self.labels == "private" else ((cut.head,), cut.rest)

    def _served(self, world: World, task: Task, client: Client, state: State) -> Weights:
        """The weights the server trains for this client: a copy of its own, or the ones that all share."""
        if self.version == "v1":
            return task.weights(state, client.round_index, owner=f"server for {client.name}")
        return shared_body(world, task)


def _trained(task: Task, sides: tuple[Ranges, ...]) -> State:
    """The starting values of what is trained in these stages, in their order."""
    return {name: tensor for ranges in sides for name, tensor in task.trainable(ranges).items()}
