"""Local training: each client trains its own model, and nothing is exchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from simulator.accounting.payload import Messages
from simulator.algorithms.base import Algorithm, State, Steps, Update
from simulator.algorithms.steps.epochs import train_epochs
from simulator.algorithms.steps.personal import PersonalModel, has_trained
from simulator.algorithms.steps.split_step import provisioned

if TYPE_CHECKING:
    from simulator.learning.models.staged import Staged
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.sites import Site
    from simulator.world.world import World


class Local(Algorithm):
    """Each selected client continues training its own model and sends nothing: the baseline that collaboration must
    beat.

    Accuracy is the mean over the clients that have trained, each evaluated on the whole test set. Personal accuracy
    covers all clients; those that were never selected still use the initial model.

    A device is sent the model when it is first selected, and nothing after that. A device that leaves keeps its model
    as far as it was trained.
    """

    name: ClassVar[str] = "local"

    @property
    def needs_one_server(self) -> str | None:
        return "nothing is aggregated, so edges would have nothing to do"

    def messages(self, model: Staged, training: Training) -> Messages:
        return Messages(down=("model", *provisioned(model, model.whole)))

    def begin(self, world: World, task: Task) -> State:
        return task.trainable()

    def client(self, world: World, task: Task, client: Client, state: State) -> Steps:
        kept = client.store(PersonalModel)
        if kept.tensors is None:
            kept.tensors = yield from client.download(state, "model")
        kept.tensors = weights = client.weights(kept.tensors)  # the stored model itself is trained
        model = task.part(weights)
        yield from client.install(model)
        with world.phase("training"):
            yield from train_epochs(client, model, task.training.local_epochs)
        kept.tensors = client.release(weights, state)
        return Update(None, weight=len(client.data))

    def aggregate(self, site: Site, task: Task, state: State, updates: list[Update]) -> Steps:
        yield from ()  # nothing is aggregated, and no time passes
        return state

    def model_for(self, world: World, task: Task, state: State, client: Client | None = None) -> Mapping[str, Any]:
        own = client.store(PersonalModel).tensors if client else None
        return {name: (own or state)[name] for name in state}

    def evaluated_models(
        self, world: World, task: Task, state: State, clients: Sequence[Client]
    ) -> list[Mapping[str, Any]]:
        return self.models_of_trained(world, task, state, clients, has_trained)
