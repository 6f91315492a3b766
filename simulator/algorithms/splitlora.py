"""SplitLoRA: LoRA adapters on both sides of the cut; devices receive the gradient at the cut."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from simulator.accounting.payload import Messages
from simulator.algorithms.base import State, Steps, Update
from simulator.algorithms.steps.epochs import batches_in
from simulator.algorithms.steps.shared_body import SharedBody, TrainsSharedBody, share_body, shared_body
from simulator.algorithms.steps.split_step import labelled_messages, labelled_step, provisioned
from simulator.settings.bounds import Epochs

if TYPE_CHECKING:
    from simulator.learning.models.adaptation import Adaptation
    from simulator.learning.models.cuts import Cut, Ranges
    from simulator.learning.models.staged import Staged
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.world import World


class SplitLora(TrainsSharedBody):
    """SplitLoRA (Lin et al., 2024; arXiv 2407.00952): a frozen model with its first blocks on the device, the rest at
    the server, and LoRA adapters on both sides.

    From the public code: labels are sent to the server; all clients' batches train one set of server-side adapters; the
    gradient at the cut is sent back, and the device trains its own adapters; these are averaged, unweighted, every
    fixed number of steps (100 there). Ours: clients train in parallel and are served in the ``order`` that is chosen
    (there, in turn); the average is weighted by shard size.

    Attributes:
        steps: batches that each client trains on in a round, at whose end the devices' adapters are averaged; null: all
            of its data, ``local_epochs`` times.
    """

    name: ClassVar[str] = "splitlora"
    ignores: ClassVar[tuple[str, ...]] = ("train",)
    steps: Epochs | None = None

    @property
    def shares_one_cut(self) -> bool:
        return True

    def _shared(self, at: Cut) -> Ranges:
        return at.rest

    def _messages(self, model: Staged, at: Cut) -> Messages:
        step, adapters = labelled_messages(model, at), ("adapters",) if model.slice(at.head).trainable else ()
        return Messages((*adapters, *step.up), (*adapters, *provisioned(model, at.head), *step.down))

    def adapt(self, training: Training) -> Adaptation:
        from simulator.learning.models.adaptation import Adaptation

        return Adaptation.of(training, "lora")

    def begin(self, world: World, task: Task) -> State:
        cut = self.cut_for(task, world.clients[0])  # all clients have the same cut
        share_body(world, task, task.trainable(cut.rest))
        return task.trainable(cut.head)

    def client(self, world: World, task: Task, client: Client, state: State) -> Steps:
        cut = self.cut_for(task, client)
        local = client.weights((yield from client.download(state, "adapters")) if state else {})
        head, rest = task.part(local, cut.head), task.part(shared_body(world, task), cut.rest)
        yield from client.install(head)
        epochs = self.steps or task.training.local_epochs  # as each epoch has at least one batch, these suffice
        batches = batches_in(client, epochs)
        turns = self.turns(world, client, min(batches, self.steps or batches))
        with world.phase("split training"):
            for batch in islice(client.batches("train", epochs=epochs), self.steps):
                yield from labelled_step(client, head, rest, batch, local, turns)
        adapters = (yield from client.upload(local.release_copy(state), "adapters")) if state else {}
        return Update(adapters, weight=len(client.data))

    def aggregate(self, site: Any, task: Task, state: State, updates: list[Update]) -> Steps:
        return (yield from super().aggregate(site, task, state, updates)) if state else state

    def model_for(self, world: World, task: Task, state: State, client: Client | None = None) -> Mapping[str, Any]:
        trained = {**world.server.store(SharedBody).weights, **state}
        return {name: trained[name] for name in task.trainable()}
