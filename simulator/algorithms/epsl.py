"""EPSL: parallel split learning in which the server back-propagates the clients' aggregated gradients."""

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
    """Efficient parallel split learning (Lin et al., arXiv 2303.15991): the server aggregates the clients' last-layer
    gradients before it back-propagates further; ``phi`` 0 is parallel split learning (PSL).

    The idea and phi are sourced; the rest is recalled, not checked against the text, as is the latency that a test
    compares with. In a step, C clients each send the smashed data of a batch of b samples, and its labels. The server
    runs forward on C b rows, and backward through its last stage (the classifier's) on C b rows. For the first
    ceil(phi b) positions, the gradients that leave that stage are replaced by one weighted sum over clients,
    z = sum_i lambda_i z_i; the backward pass continues with the remaining ceil(phi b) + (b - ceil(phi b)) C rows. The
    gradients of aggregated rows are broadcast, the others are sent to their clients; each client back-propagates them
    through its own forward pass. The clients' parts are not averaged.

    What the paper's public summaries leave open is ours: z_i is the gradient of the mean loss of client i's batch, and
    lambda_i is that batch's share of the samples in the step, so the server's part follows the mean loss over all
    samples, and a client's part its own loss. An aggregated row is back-propagated through the activations of one
    client, in turn (position k: client k mod C); the activations of the others are not kept. Where batch sizes b_i
    differ, position k is aggregated over the clients for which it is among the first ceil(phi b_i). Clients that have
    no batch left sit out the rest of the round. The default of phi is ours, too.

    Aggregated rows are broadcast: they cross the server's uplink once, however many devices there are. A device is sent
    as many of them as its batch has, and its other gradients once the slowest device has received the broadcast.

    Each client keeps its own part in its store; it is sent the initial one when it is first selected. Accuracy is the
    mean over the clients that have trained, each evaluated with the server's part.

    Attributes:
        phi: the fraction of each batch whose gradients are aggregated.
    """

    name: ClassVar[str] = "epsl"
    reports_losses: ClassVar[bool] = False
    phi: float = Field(0.5, ge=0, le=1)

    def _messages(self, model: Staged, at: Cut) -> Messages:
        up, frozen = ("smashed data and labels",), provisioned(model, at.head)
        if not model.slice(at.head).trainable:
            return Messages(up, frozen)
        gradients = [("aggregated gradient", self.phi > 0), ("smashed gradient", self.phi < 1)]
        return Messages(up, ("model", *frozen, *(kind for kind, is_sent in gradients if is_sent)))

    def check(self, model: Staged, training: Training) -> None:
        super().check(model, training)
        if model.objective.name != "classification":
            problem = "it weighs batches by their samples, and here the loss is a mean over tokens"
            raise UnfitError("name", self.name, problem, "data of classification, or another algorithm")
        if self.phi and model.takes_tokens:
            problem = "gradients would be added token by token, and those of longer texts be lost behind shorter ones"
            raise UnfitError("phi", self.phi, problem, "0")
        if self.phi and training.train == "lora" and training.lora.dropout:
            problem = "rows without a backward pass would get no dropout, unlike the other rows of their step"
            raise UnfitError("phi", self.phi, problem, "0, or a lora.dropout of 0")
        kind = "smashed data and labels"
        compressors = [how for key, how in training.compression.items() if kind in covered(directions(key)[0])]
        if self.phi and any(compressor and compressor.pull for compressor in compressors):
            problem = "the smashed data are compressed with a correction of each row's own gradient"
            raise UnfitError("phi", self.phi, problem, "0, or a compression without correction")

    def round(self, world: World, task: Task, state: State, cohort: list[Client]) -> Steps:
        shared, ((first, end),) = shared_body(world, task), self._cut(world, task).rest
        parts = [task.part(shared, ((start, stop),)) for start, stop in ((first, end - 1), (end - 1, end))]
        with world.phase("model exchange"):
            members = yield from side_by_side(world, [(client, self._resume(task, client, state)) for client in cohort])
        yield from self._train(world, members, *parts)
        return state

    def _resume(self, task: Task, client: Client, state: State) -> Steps:
        """Return a client as a ``Member`` with its own head; it is sent the initial head if it has none."""
        kept = client.store(PersonalModel)
        head: Mapping[str, Any] = kept.tensors or {}
        if state and not head:
            head = yield from client.download(state, "model")
        member = yield from self._join(task, client, {name: head[name] for name in state})
        kept.tensors = member.local
        return member

    def step(self, world: World, group: Sequence[tuple[Any, Tensor]], number: int, *parts: Part) -> Steps:
        from simulator.learning.training.batches import Shared, aggregate, gather, joined, unweighted

        (body, last), server = parts, world.server
        rows = Shared.of([len(labels) for _, labels in group], self.phi if body.learns else 0.0)
        x, y = yield from server.compute(gather, group, rows.kept)
        forward = yield from server.compute(body.forward, x)
        features, labels = [forward.output], [y]
        if len(rows.dropped):  # no gradient goes back through these rows, so no activations are kept
            x, y = yield from server.compute(gather, group, rows.dropped)
            features.append((yield from server.compute(body.infer, x)))
            labels.append(y)
        graded = yield from server.compute(last.loss_backward, joined(features), joined(labels))
        grad = None
        if body.learns:
            grad = yield from server.compute(aggregate, graded.input_grad, rows)
            grad = yield from server.compute(forward.backward, grad)
        yield from server.compute(body.weights.step, forward, graded)
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
