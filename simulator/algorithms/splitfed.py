"""SplitFed: devices train a head (and a tail), the server the rest, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import NonNegativeInt

from simulator.accounting.payload import Kinds
from simulator.algorithms.base import Algorithm, State, Steps, UnfitError, Update
from simulator.algorithms.steps import check_cut, labelled_step, split_step

if TYPE_CHECKING:
    from simulator.learning.cuts import Cut
    from simulator.learning.staged import Ranges, Staged
    from simulator.learning.task import Task
    from simulator.learning.weights import Weights
    from simulator.scenario_training import TrainingSettings as Training
    from simulator.world.clients import Client
    from simulator.world.world import World


class SplitFed(Algorithm):
    """SplitFed (Thapa et al., 2022; arXiv 2004.12088, Algorithms 1 and 2). ``train: full`` is SFL+FF, ``linear``
    SFL+Linear.

    Attributes:
        version: ``v1``: the server trains a copy of its part for each client, and averages both sides. ``v2``: one
            shared part, stepped by all in the order in which they are served.
        body: for ``v2``. ``stashed``: clients interleave, each pass keeps the weights it was computed with and applies
            its gradients to the newest; ``exclusive``: one client holds the part from forward to step. (The paper has
            the server take clients in turn and leaves this open; both readings are ours.) With labels sent, forward,
            backward and step are one service, and the two are the same.
        labels: ``private``: U-shaped, the tail is on the device; ``sent``: labels go to the server, and so does the
            tail.
        head: blocks on the device behind the embedding.
        tail: blocks on the device before norm and classifier; not looked at where labels are sent.
    """

    name: ClassVar[str] = "splitfed"
    version: Literal["v1", "v2"] = "v1"
    body: Literal["stashed", "exclusive"] = "stashed"
    labels: Literal["private", "sent"] = "private"
    head: NonNegativeInt = 1
    tail: NonNegativeInt = 1

    @property
    def kinds(self) -> Kinds:
        if self.labels == "sent":
            return Kinds(("model", "smashed data and labels"), ("model", "frozen weights", "smashed gradient"))
        up, down = ("model", "smashed data", "feature gradient"), ("model", "frozen weights")
        return Kinds(up, (*down, "features", "smashed gradient"))

    def check(self, model: Staged, training: Training) -> None:
        check_cut(model, self.head, self._tail)
        if self.version == "v1" and self.body == "exclusive":
            raise UnfitError("body", self.body, "each client has a body of its own in v1", "exclusive with version: v2")

    @property
    def _tail(self) -> int:
        """Blocks that are cut off behind the body; none where the tail is at the server anyway."""
        return self.tail if self.labels == "private" else 0

    @property
    def _alone(self) -> bool:
        return self.body == "exclusive"

    def begin(self, world: World, task: Task) -> State:
        device, server = self._sides(task.cut(self.head, self._tail))
        mine = {}
        for ranges in device:
            mine.update(task.trainable(ranges))
        if self.version == "v1":
            return {"client": mine, "server": task.trainable(server)}
        world.server.store["body"] = task.weights(task.trainable(server), round=1)
        return {"client": mine}

    def client(self, world: World, task: Task, client: Client, state: State) -> Steps:
        cut = task.cut(self.head, self._tail)
        local = task.weights((yield from client.download(state["client"], "model")), client.turn)
        served = self._served(task, client, state)
        head, tail = task.part(local, cut.head), task.part(local, cut.tail)
        body, rest = task.part(served, cut.body), task.part(served, cut.rest)
        yield from client.install(*((head, tail) if self.labels == "private" else (head,)))
        with world.phase("split training"):
            for batch in client.batches("train", epochs=task.training.local_epochs):
                if self.labels == "private":
                    yield from split_step(client, head, body, tail, batch, local, alone=self._alone)
                else:  # forward, backward and step are one service: nobody comes between
                    yield from labelled_step(client, head, rest, batch, local)
        mine = yield from client.upload(local.pick(state["client"]), "model")
        value = {"client": mine}
        if self.version == "v1":
            value["server"] = served.pick(state["server"])
        return Update(value, weight=len(client.data))

    def whole(self, world: World, task: Task, state: State, client: Client | None = None) -> Mapping[str, Any]:
        if self.version == "v1":
            return {**state["client"], **state["server"]}
        return {**world.server.store["body"], **state["client"]}

    def _sides(self, cut: Cut) -> tuple[tuple[Ranges, ...], Ranges]:
        """The stages on the device, and those at the server."""
        return ((cut.head, cut.tail), cut.body) if self.labels == "private" else ((cut.head,), cut.rest)

    def _served(self, task: Task, client: Client, state: State) -> Weights:
        """The weights the server trains for this client: a copy of its own, or the ones that all share."""
        if self.version == "v1":
            return task.weights(state["server"], client.turn)
        shared: Weights = client.server.store["body"]
        shared.learning_rate = task.learning_rate(client.turn)
        return shared
