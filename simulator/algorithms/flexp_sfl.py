"""FlexP-SFL: each client its own cut, head and tail; a body that all share; and a pull to the global model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import NonNegativeFloat

from simulator.accounting.payload import Kinds
from simulator.algorithms.base import State, Steps, Update
from simulator.algorithms.cutting import Place, UShaped, all_kinds
from simulator.algorithms.steps import provisioned, split_kinds, split_step

if TYPE_CHECKING:
    from simulator.learning.cuts import Cut
    from simulator.learning.passes import Part
    from simulator.learning.staged import Staged
    from simulator.learning.task import Task
    from simulator.learning.weights import Weights
    from simulator.scenario_training import TrainingSettings as Training
    from simulator.world.clients import Client
    from simulator.world.sites import Site
    from simulator.world.world import World

REFERENCE = "reference smashed data", "reference features"


class FlexPSFL(UShaped):
    """FlexP-SFL (Yuan et al., 2025; arXiv 2508.10349): each device has a cut, a head and a tail of its own, and shares
    the body at the server.

    From the paper's abstract: each client trains a portion of the model that fits its resources, and offloads the rest
    to a server; its objective stays its own; an alignment strategy improves personal models on global data. (Others
    class it as U-shaped.) The alignment's formula is not known to us; three are offered, and all else is ours:

    Head and tail are personal: they stay in the client's store, and nobody's are replaced by an average. The body is
    shared, each block of it stepped by the batches of those who leave it to the server, in the order in which they are
    served. The global model is the mean, by shard size, of the models that the clients of a round use at its end: with
    alignment each client sends its part for that, and is sent the global model's before it trains. At weight 0 neither
    is sent; then there is no global model, and accuracy is the mean over the personal ones. A device that leaves keeps
    its part as far as it was trained.

    Attributes:
        head, tail: blocks on the device, where no policy chooses both: `cut: {name: budget, seconds: 20 s}` takes, for
            each device, the largest portion that fits its memory and that budget.
        alignment: ``proximal``: the loss of head and tail gains weight / 2 times their squared distance to the global
            model's. ``distillation``: the loss gains weight x KL(global || own) on the client's data, for which each
            batch goes through the global model, too, and the server again. ``projection``: gradients of head and tail
            lose what goes against the movement of the global model since the client last took part (1: all of it).
        weight: of the alignment; 0: none.
    """

    name: ClassVar[str] = "flexp_sfl"
    chosen: ClassVar[tuple[str, ...]] = ("head", "tail")
    alignment: Literal["proximal", "distillation", "projection"] = "proximal"
    weight: NonNegativeFloat = 0.1

    def cuts(self, model: Staged) -> list[Place]:
        blocks = len(model.blocks)
        pairs = (Place(head, portion - head) for portion in range(blocks) for head in range(portion, -1, -1))
        return sorted(pairs, key=lambda place: (sum(place), -abs(place.head - place.tail), place.head))

    def kinds(self, model: Staged, training: Training) -> Kinds:
        model_sent = ("model",) if self.weight else ()
        extra = REFERENCE if self.weight and self.alignment == "distillation" else ()

        def of(at: Cut) -> Kinds:
            step = split_kinds(model, at)
            down = ("model", *provisioned(model, at.head, at.tail), *step.down, *extra[1:])
            return Kinds((*model_sent, *step.up, *extra[:1]), down)

        return all_kinds([of(at) for at in self.possible(model)])

    def begin(self, world: World, task: Task) -> State:
        world.server.store["body"] = task.weights(task.trainable(), round=1, owner="server")
        return task.trainable()

    def client(self, world: World, task: Task, client: Client, state: State) -> Steps:
        cut, shared, store = self.cut_for(task, client), client.server.store["body"], client.store
        names, received = self._own(task, client), {}
        if self.weight or "model" not in store:
            received = yield from client.download({name: state[name] for name in names}, "model")
        start = store.get("model", received)
        local = task.weights({name: start[name] for name in names}, client.turn, owner=client.name)
        store["model"] = local  # trained in its place
        task.renew(shared, client.turn, "server")
        head, tail, body = task.part(local, cut.head), task.part(local, cut.tail), task.part(shared, cut.body)
        yield from client.install(head, tail)
        step = yield from self._step(client, local, received)
        teacher = self._teacher(task, client, cut, received, state)
        with world.phase("split training"):
            for batch in client.batches("train", epochs=task.training.local_epochs):
                loss = (yield from self._distilled(client, teacher, tail, batch.x)) if teacher else None
                yield from split_step(client, head, body, tail, batch, local, loss=loss, step=step)
        mine = {}
        if self.weight:
            mine = yield from client.upload(local.pick(names), "model")
        return Update(mine, weight=len(client.data))

    def _step(self, client: Client, local: Weights, received: State) -> Steps:
        """The work that steps head and tail, and its first arguments; nothing where that is the plain one."""
        from simulator.learning.alignment import Projected, movement
        from simulator.learning.proximal import proximal_step

        if not self.weight or self.alignment == "distillation":
            return ()
        before = client.store.get("global model", received)
        client.store["global model"] = received  # beside the part that is trained
        if self.alignment == "proximal":
            return (proximal_step, local, received, self.weight)
        moved = yield from client.compute(movement, received, before)
        return (Projected(local, moved, self.weight).step,)

    def _teacher(self, task: Task, client: Client, cut: Cut, received: State, state: State) -> tuple[Part, ...]:
        """Head, body and tail of the global model as it was before the round; none where nobody asks it."""
        from simulator.learning.weights import Weights

        if not self.weight or self.alignment != "distillation":
            return ()
        store = client.server.store
        if store.get("global model") is None or store["global model"].round != client.turn:
            store["global model"] = Weights({**task.backbone, **state})
            store["global model"].round = client.turn
        own = Weights({**task.backbone, **received})
        return task.part(own, cut.head), task.part(store["global model"], cut.body), task.part(own, cut.tail)

    def _distilled(self, client: Client, teacher: tuple[Part, ...], tail: Part, x: Any) -> Steps:
        """Ask the global model about a batch; the value is the work that is its loss."""
        from simulator.learning.alignment import Distilled

        first, middle, last = teacher
        yield from client.install(first, last)
        smashed = yield from client.upload((yield from client.compute(first.infer, x)), REFERENCE[0])
        features = yield from client.download((yield from client.server.compute(middle.infer, smashed)), REFERENCE[1])
        return Distilled(tail, (yield from client.compute(last.infer, features)), self.weight).loss_backward

    def aggregate(self, site: Site, task: Task, state: State, updates: list[Update]) -> Steps:
        if not self.weight:
            return state  # nobody sends anything
        body = site.store["body"].pick(state)
        whole = [Update({**body, **update.value}, update.weight) for update in updates]
        return (yield from super().aggregate(site, task, state, whole))

    def whole(self, world: World, task: Task, state: State, client: Client | None = None) -> Mapping[str, Any]:
        if client is None:
            return state
        body, own = world.server.store["body"], client.store.get("model", state)
        names = self._own(task, client)
        return {name: own[name] if name in names else body[name] for name in state}

    def views(self, world: World, task: Task, state: State, clients: Sequence[Client]) -> list[Mapping[str, Any]]:
        return [state] if self.weight else [self.whole(world, task, state, client) for client in clients]

    def _own(self, task: Task, client: Client) -> State:
        """What is trained on this client's device."""
        cut = self.cut_for(task, client)
        return {**task.trainable(cut.head), **task.trainable(cut.tail)}
