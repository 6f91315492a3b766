"""FlexP-SFL: a personal cut, head and tail for each client, a shared body, and alignment with the global model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from simulator.accounting.payload import Messages
from simulator.algorithms.base import State, Steps, Update
from simulator.algorithms.steps.epochs import batches_in, each_batch
from simulator.algorithms.steps.personal import PersonalModel, has_trained
from simulator.algorithms.steps.proximal import check_pull
from simulator.algorithms.steps.shared_body import SharedBody, TrainsSharedBody, share_body, shared_body
from simulator.algorithms.steps.split import CutPoint, UShaped
from simulator.algorithms.steps.split_step import provisioned, split_messages, split_step
from simulator.algorithms.steps.teacher import REFERENCE, Teacher, aligned_step
from simulator.settings.bounds import Factor

if TYPE_CHECKING:
    from simulator.learning.data.shards import Batch
    from simulator.learning.models.cuts import Cut
    from simulator.learning.models.staged import Staged
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.sites import Site
    from simulator.world.world import World


class FlexPSFL(TrainsSharedBody, UShaped):
    """FlexP-SFL (Yuan et al., 2025; arXiv 2508.10349): each device has its own cut, head and tail, and all share the
    body at the server.

    From the paper's abstract: each client trains a portion of the model that fits its resources, and offloads the rest
    to a server; its objective stays its own; an alignment strategy improves personal models on global data. (Others
    class it as U-shaped.) The alignment's formula is not known to us; three are offered, and all else is ours:

    Head and tail are personal: they stay in the client's store and are never replaced by an average. The body is
    shared: each of its blocks is trained on the batches of the clients that leave the block to the server, in the
    ``order`` that is chosen. The global model is the mean, weighted by shard size, of the models that the clients of a
    cohort use at the end of the round. With alignment, each client uploads its head and tail for that mean (the server
    has the rest, and averages only what at least one client sent), and is sent the global model's before it trains. At
    weight 0 a client is only sent its initial head and tail, once, and sends neither; then there is no global model,
    and accuracy is the mean over the models of the clients that have trained. A device that leaves keeps its part as
    far as it was trained.

    Attributes:
        head, tail: blocks on the device, where no policy chooses both: `cut: {name: budget, seconds: 20 s}` takes, for
            each device, the largest portion that fits its memory and that budget.
        body: how clients share the body, as in SplitFed V2. ``stashed`` (the default, as there: no client waits for a
            slower device): clients interleave; the server keeps all open passes, and each version of the weights that
            one of them still needs. ``exclusive``: one client holds the body, with all its blocks, from its forward
            pass to its step, so one pass is open, on the newest version. With one client the two are the same.
        alignment: ``proximal``: the loss of head and tail gains weight / 2 times their squared distance to the global
            model's. ``distillation``: the loss gains weight x KL(global || own) on the client's data; for this, each
            batch also passes through the global model, whose body is at the server. ``projection``: the gradients of
            head and tail lose the component that opposes the movement of the global model since the client last took
            part (at weight 1, all of it).
        weight: strength of the alignment; 0: none.
    """

    name: ClassVar[str] = "flexp_sfl"
    chosen: ClassVar[tuple[str, ...]] = ("head", "tail")
    body: Literal["stashed", "exclusive"] = "stashed"
    alignment: Literal["proximal", "distillation", "projection"] = "proximal"
    weight: Factor = 0.1

    def check(self, model: Staged, training: Training) -> None:
        super().check(model, training)
        if self.alignment == "proximal":
            check_pull("weight", self.weight, training.optimizer)

    @property
    def _helps(self) -> str:
        return "body: stashed, with which clients interleave"

    @property
    def _interleaves(self) -> bool:
        return self.body == "stashed"

    def cuts(self, model: Staged) -> list[CutPoint]:
        blocks = len(model.blocks)
        points = (CutPoint(head, portion - head) for portion in range(blocks) for head in range(portion, -1, -1))
        return sorted(points, key=lambda point: (sum(point), -abs(point.head - point.tail), point.head))

    def _messages(self, model: Staged, at: Cut) -> Messages:
        step, personal = split_messages(model, at), ("model",) if self.weight else ()
        reference = REFERENCE if self.weight and self.alignment == "distillation" else Messages()
        down = ("model", *provisioned(model, at.head, at.tail), *step.down, *reference.down)
        return Messages((*personal, *step.up, *reference.up), down)

    def begin(self, world: World, task: Task) -> State:
        share_body(world, task, task.trainable())
        return task.trainable()

    def client(self, world: World, task: Task, client: Client, state: State) -> Steps:
        cut, kept = self.cut_for(task, client), client.store(PersonalModel)
        names, received = self._own(task, client), {}
        if self.weight or kept.tensors is None:
            received = yield from client.download({name: state[name] for name in names}, "model")
        start = received if kept.tensors is None else kept.tensors
        local = client.weights({name: start[name] for name in names})
        kept.tensors = local  # the stored model itself is trained
        head, tail = task.part(local, cut.head), task.part(local, cut.tail)
        body = task.part(shared_body(world, task), cut.body)
        yield from client.install(head, tail)
        step, teacher = None, None
        if self.weight and self.alignment == "distillation":
            teacher = Teacher(world, task, client, cut, received, state)
            yield from client.install(teacher.head, teacher.tail)
        elif self.weight:
            step = yield from aligned_step(client, local, received, self.alignment, self.weight)
        del start, received  # frees their memory; the alignment keeps what it needs of them

        epochs = task.training.local_epochs
        turns = self.turns(world, client, batches_in(client, epochs) if body.trainable else 0)
        how: dict[str, Any] = {"exclusive": not self._interleaves, "turns": turns, "step": step}

        def train(batch: Batch) -> Steps:
            loss = (yield from teacher.loss(client, tail, batch.x, self.weight)) if teacher else None
            yield from split_step(client, head, body, tail, batch, local, loss=loss, **how)

        with world.phase("split training"):
            yield from each_batch(client, epochs, train)
        personal = (yield from client.upload(local.release_copy(names), "model")) if self.weight else {}
        return Update(personal, weight=len(client.data))

    def moved(self, site: Site, task: Task, state: State, update: Update, base: State, weight: float) -> Steps:
        """Return an update that is mixed with the present state: a personal part did not start from any state."""
        if weight == 1 and base is state:
            return update
        return (yield from super().moved(site, task, state, update, state, weight))

    def aggregate(self, site: Site, task: Task, state: State, updates: list[Update]) -> Steps:
        from simulator.learning.training.averaging import filled_mean

        if not self.weight:
            return state  # no updates were sent
        body = site.store(SharedBody).weights.release_copy(state)
        values, weights = [update.value for update in updates], [update.weight for update in updates]
        return {**body, **(yield from site.compute(filled_mean, values, weights, body))}

    def model_for(self, world: World, task: Task, state: State, client: Client | None = None) -> Mapping[str, Any]:
        if client is None:
            return state
        body, own = world.server.store(SharedBody).weights, client.store(PersonalModel).tensors or state
        names = self._own(task, client)
        return {name: own[name] if name in names else body[name] for name in state}

    def evaluated_models(
        self, world: World, task: Task, state: State, clients: Sequence[Client]
    ) -> list[Mapping[str, Any]]:
        return [state] if self.weight else self.models_of_trained(world, task, state, clients, has_trained)

    def _own(self, task: Task, client: Client) -> State:
        """Return the initial values of the tensors that are trained on this client's device, by name."""
        cut = self.cut_for(task, client)
        return {**task.trainable(cut.head), **task.trainable(cut.tail)}
