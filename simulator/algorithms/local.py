"""No exchange at all: each client trains a model of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from simulator.accounting.payload import Messages
from simulator.algorithms.base import Algorithm, State, Steps, Update
from simulator.algorithms.steps.split_step import provisioned

if TYPE_CHECKING:
    from simulator.learning.models.staged import Staged
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.sites import Site
    from simulator.world.world import World


class Local(Algorithm):
    """Each chosen client goes on training its own model, in its store, and sends nothing: what working together must
    beat. Accuracy is the mean over the clients that have trained, each on the whole test set; personal accuracy is that
    of all clients, of which those that were never chosen still use the model that all began with.

    A device is sent the model when it is first chosen, and nothing after that. One that leaves keeps its model as far
    as it was trained.
    """

    name: ClassVar[str] = "local"

    def messages(self, model: Staged, training: Training) -> Messages:
        return Messages(down=("model", *provisioned(model, model.whole)))

    def begin(self, world: World, task: Task) -> State:
        return task.trainable()

    def client(self, world: World, task: Task, client: Client, state: State) -> Steps:
        if "model" not in client.store:
            client.store["model"] = yield from client.download(state, "model")
        weights = task.weights(client.store["model"], client.round_index, owner=client.name)
        client.store["model"] = weights  # trained in its place
        model = task.part(weights)
        yield from client.install(model)
        with world.phase("training"):
            for batch in client.batches("train", epochs=task.training.local_epochs):
                yield from client.compute(model.train_step, *batch)
        client.release(weights)
        client.store["model"] = weights.release_copy(state)
        return Update(None, weight=len(client.data))

    def aggregate(self, site: Site, task: Task, state: State, updates: list[Update]) -> Steps:
        yield from ()  # nobody aggregates, and it takes no time
        return state

    def model_for(self, world: World, task: Task, state: State, client: Client | None = None) -> Mapping[str, Any]:
        own = client.store.get("model", state) if client else state
        return {name: own[name] for name in state}

    def evaluated_models(
        self, world: World, task: Task, state: State, clients: Sequence[Client]
    ) -> list[Mapping[str, Any]]:
        return self.models_of_trained(world, task, state, clients)
