"""EPSL: parallel split learning in which the server goes back on the clients' aggregated gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from simulator.accounting.payload import Messages, covered, directions
from simulator.algorithms.base import State, Steps, UnfitError
from simulator.algorithms.steps.parallel_split import ParallelSplit, side_by_side
from simulator.algorithms.steps.personal import PersonalModel, has_trained
from simulator.algorithms.steps.shared_body import SharedBody, shared_body
from simulator.algorithms.steps.split_step import provisioned

if TYPE_CHECKING:
    from torch import Tensor

    from simulator.learning.models.cuts import Cut
    from simulator.learning.models.parts import Part
    from simulator.learning.models.staged import Staged
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.world import World


class EPSL(ParallelSplit):
    """Efficient parallel split learning (Lin et al., arXiv 2303.15991): the last layer's gradients of the clients are
    aggregated before the server goes further back; ``phi`` 0 is parallel split learning (PSL).

    The idea and phi are sourced; the rest is recalled, not checked against the text, as is the latency that a test
    compares with. In a step, C clients send a batch of b and its labels. The server goes forward on C b rows, and back
    through its last stage (the classifier's) on C b rows. Of the first ceil(phi b) positions the gradients that come
    out there are replaced by one weighted sum over clients, z = sum_i lambda_i z_i; it goes on with the
    ceil(phi b) + (b - ceil(phi b)) C rows that are left. The gradients of aggregated rows are broadcast, the others
    sent to their clients, which go back through what each had computed itself. Nobody averages the clients' parts.

    What the paper's public summaries leave open, and is ours: z_i is of the mean loss of client i's batch; lambda_i its
    share of the samples in the step, so the server follows the mean loss of them all, and a client its own. An
    aggregated row goes back through the activations of one client, by turns (position k: of client k mod C); those of
    the others are not kept. Where batches differ, position k is shared by those of whose b_i it is among the first
    ceil(phi b_i). Clients that have no batch left sit out the rest of the round. The default of phi.

    Aggregated rows are broadcast: they cross the server's uplink once, however many devices there are; a device is sent
    those that its batch has, and the rest of its gradients when the slowest has the broadcast.

    Each client goes on with its own part, in its store, and is sent that only when it is first chosen. Accuracy is the
    mean over the clients that have trained, each with the server's part.

    Attributes:
        phi: the part of each batch whose gradients are aggregated.
    """

    name: ClassVar[str] = "epsl"
    phi: float = Field(0.5, ge=0, le=1)

    def _messages(self, model: Staged, at: Cut) -> Messages:
        up, frozen = ("smashed data and labels",), provisioned(model, at.head)
        if not model.slice(at.head).trainable:
            return Messages(up, frozen)
        back = [("aggregated gradient", self.phi > 0), ("smashed gradient", self.phi < 1)]
        return Messages(up, ("model", *frozen, *(kind for kind, sent in back if sent)))

    def check(self, model: Staged, training: Training) -> None:
        super().check(model, training)
        if self.phi and training.train == "lora" and training.lora.dropout:
            problem = "rows that do not go back would meet no dropout, and the others of their step would"
            raise UnfitError("phi", self.phi, problem, "0, or a lora.dropout of 0")
        kind = "smashed data and labels"
        sent = [how for key, how in training.compression.items() if kind in covered(directions(key)[0])]
        if self.phi and any(how and how.pull for how in sent):
            problem = "the smashed data are compressed with a correction of each row's own gradient"
            raise UnfitError("phi", self.phi, problem, "0, or a compression without correction")

    def round(self, world: World, task: Task, state: State, cohort: list[Client]) -> Steps:
        shared, ((first, end),) = shared_body(world, task), self._cut(world, task).rest
        parts = [task.part(shared, ((start, stop),)) for start, stop in ((first, end - 1), (end - 1, end))]
        with world.phase("model exchange"):
            members = yield from side_by_side(world, [(client, self._sit(task, client, state)) for client in cohort])
        yield from self._train(world, members, *parts)
        return state

    def _sit(self, task: Task, client: Client, state: State) -> Steps:
        kept = client.store(PersonalModel)
        mine: Mapping[str, Any] = kept.tensors or {}
        if state and not mine:
            mine = yield from client.download(state, "model")
        member = yield from self._join(task, client, {name: mine[name] for name in state})
        kept.tensors = member.local
        return member

    def step(self, world: World, group: Sequence[tuple[Any, Tensor]], number: int, *parts: Part) -> Steps:
        from simulator.learning.training.batches import Shared, aggregate, gather, joined, unweighted

        (body, last), server = parts, world.server
        rows = Shared.of([len(labels) for _, labels in group], self.phi if body.learns else 0.0)
        x, y = yield from server.compute(gather, group, rows.kept)
        kept = yield from server.compute(body.forward, x)
        features, labels = [kept.output], [y]
        if len(rows.dropped):  # they do not go back, so nothing is kept for it
            x, y = yield from server.compute(gather, group, rows.dropped)
            features.append((yield from server.compute(body.infer, x)))
            labels.append(y)
        graded = yield from server.compute(last.loss_backward, joined(features), joined(labels))
        grad = None
        if body.learns:
            grad = yield from server.compute(aggregate, graded.input_grad, rows)
            grad = yield from server.compute(kept.backward, grad)
        yield from server.compute(body.weights.step, kept, graded)
        if grad is None:
            return None
        grad = yield from server.compute(unweighted, grad, rows)
        common, *own = grad.split([len(grad) - sum(rows.own), *rows.own])
        return common, own

    def model_for(self, world: World, task: Task, state: State, client: Client | None = None) -> Mapping[str, Any]:
        own = client.store(PersonalModel).tensors if client else None
        return {**world.server.store(SharedBody).weights, **{name: (own or state)[name] for name in state}}

    def evaluated_models(
        self, world: World, task: Task, state: State, clients: Sequence[Client]
    ) -> list[Mapping[str, Any]]:
        return self.models_of_trained(world, task, state, clients, has_trained)
