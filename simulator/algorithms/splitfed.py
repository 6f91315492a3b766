"""SplitFed: devices train a head (and a tail) in parallel, and the server trains the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from simulator.accounting.payload import Messages
from simulator.algorithms.base import State, Steps, UnfitError, Update
from simulator.algorithms.steps.epochs import batches_in, each_batch
from simulator.algorithms.steps.shared_body import SharedBody, TrainsSharedBody, share_body, shared_body
from simulator.algorithms.steps.split import UShaped
from simulator.algorithms.steps.split_step import (
    labelled_messages,
    labelled_step,
    provisioned,
    split_messages,
    split_step,
)

if TYPE_CHECKING:
    from simulator.learning.data.shards import Batch
    from simulator.learning.models.cuts import Cut, Ranges
    from simulator.learning.models.staged import Staged
    from simulator.learning.models.weights import Weights
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.world import World


class SplitFed(TrainsSharedBody, UShaped):
    """SplitFed (Thapa et al., 2022; arXiv 2004.12088, Algorithms 1 and 2): devices train a head (and a tail) in
    parallel, and the server trains the rest. ``train: full`` is SFL+FF, ``linear`` is SFL+Linear.

    Attributes:
        version: ``v1``: the server trains a separate copy of its part for each client, and both sides are averaged.
            ``v2``: the server trains one shared part, updated by all clients in the ``order`` that is chosen.
        body: how clients share the server's part in ``v2``. ``stashed``: clients interleave; each pass keeps the
            weights that it was computed with, and its gradients are applied to the newest. ``exclusive``: one client
            holds the part from its forward pass to its step. (The paper has the server take clients in turn and leaves
            this open; both readings are ours.) With labels sent, forward, backward and step are one service, and the
            two are the same.
        labels: ``private``: U-shaped, the tail is on the device; ``sent``: labels are sent to the server, which then
            has the tail, too.
        tail: blocks on the device before norm and classifier; ignored where labels are sent.
    """

    name: ClassVar[str] = "splitfed"
    version: Literal["v1", "v2"] = "v1"
    body: Literal["stashed", "exclusive"] = "stashed"
    labels: Literal["private", "sent"] = "private"

    @property
    def shares_one_cut(self) -> bool:
        return self.version == "v2"

    @property
    def needs_one_server(self) -> str | None:
        return super().needs_one_server if self.version == "v2" else None

    def _messages(self, model: Staged, at: Cut) -> Messages:
        step = split_messages(model, at) if self.labels == "private" else labelled_messages(model, at)
        device, _ = self._sides(at)
        exchanged = ("model",) if any(model.slice(ranges).trainable for ranges in device) else ()
        return Messages((*exchanged, *step.up), (*exchanged, *provisioned(model, *device), *step.down))

    def check(self, model: Staged, training: Training) -> None:
        super().check(model, training)
        if self.version == "v1" and self.body == "exclusive":
            raise UnfitError("body", self.body, "each client has a body of its own in v1", "exclusive with version: v2")
        if self.version == "v1" and self.order != "arrival":
            allowed = f"{self.order} with version: v2"
            raise UnfitError("order", self.order, "each client has a body of its own in v1", allowed)

    def serial_at_server(self, model: Staged, training: Training) -> str | None:
        return super().serial_at_server(model, training) if self.version == "v2" else None

    @property
    def _helps(self) -> str:
        frozen = "a body that stays frozen (train: linear), whose works can be batched"
        if self.labels == "private":
            return f"a copy for each client (version: v1), body: stashed, or {frozen}"
        return f"a copy for each client (version: v1), or labels: private with {frozen}"

    def _shared(self, at: Cut) -> Ranges:
        return self._sides(at)[1]

    @property
    def _tail(self) -> int:
        """The number of blocks in the tail; 0 where the server has everything behind the head."""
        return self.tail if self.labels == "private" else 0

    @property
    def _exclusive(self) -> bool:
        return self.body == "exclusive"

    @property
    def _interleaves(self) -> bool:
        return self.version == "v2" and self.labels == "private" and not self._exclusive

    def begin(self, world: World, task: Task) -> State:
        """Return the initial state: everything that is trained; in ``v2`` only what devices train.

        In ``v2`` the server's part is kept in its store, and is no part of the state.
        """
        if self.version == "v1":
            return task.trainable()
        device, server = self._sides(self.cut_for(task, world.clients[0]))  # all clients have the same cut
        share_body(world, task, task.trainable(server))
        return _trained(task, device)

    def client(self, world: World, task: Task, client: Client, state: State) -> Steps:
        cut = self.cut_for(task, client)
        device, server = self._sides(cut)
        device_state = {name: state[name] for name in _trained(task, device)}
        local = client.weights((yield from client.download(device_state, "model")) if device_state else {})
        served = self._served(world, task, client, state)
        head, tail = task.part(local, cut.head), task.part(local, cut.tail)
        body, rest = task.part(served, cut.body), task.part(served, cut.rest)
        yield from client.install(*((head, tail) if self.labels == "private" else (head,)))
        epochs, shared = task.training.local_epochs, body if self.labels == "private" else rest
        turns = self.turns(world, client, batches_in(client, epochs) if shared.trainable else 0)

        def step(batch: Batch) -> Steps:
            if self.labels == "private":
                return split_step(client, head, body, tail, batch, local, exclusive=self._exclusive, turns=turns)
            return labelled_step(client, head, rest, batch, local, turns)  # one service, uninterrupted

        with world.phase("split training"):
            yield from each_batch(client, epochs, step)
        value = (yield from client.upload(local.release_copy(device_state), "model")) if device_state else {}
        if self.version == "v1":
            value = {**value, **served.release_copy(task.trainable(server))}
        return Update(value, weight=len(client.data))

    def combine(self, site: Any, task: Task, state: State, updates: list[Update]) -> Steps:
        return (yield from super().combine(site, task, state, updates)) if state else state

    def model_for(self, world: World, task: Task, state: State, client: Client | None = None) -> Mapping[str, Any]:
        if self.version == "v1":
            return state
        return {**world.server.store(SharedBody).weights, **state}

    def _sides(self, cut: Cut) -> tuple[tuple[Ranges, ...], Ranges]:
        """Return the stages on the device, and those at the server."""
        return ((cut.head, cut.tail), cut.body) if self.labels == "private" else ((cut.head,), cut.rest)

    def _served(self, world: World, task: Task, client: Client, state: State) -> Weights:
        """Return the weights that the server trains with this client: a separate copy (v1), or the shared ones (v2)."""
        if self.version == "v1":
            owner, scheduled = f"server for {client.name}", client.scheduled_round or None
            return task.weights(state, client.round_index, owner=owner, scheduled=scheduled)
        return shared_body(world, task)


def _trained(task: Task, sides: tuple[Ranges, ...]) -> State:
    """Return the initial values of the trained tensors in these stages, by name, in the order of the stages."""
    return {name: tensor for ranges in sides for name, tensor in task.trainable(ranges).items()}
