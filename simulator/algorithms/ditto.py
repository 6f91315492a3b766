"""Ditto: FedAvg, plus a personal model on each device that is pulled towards the global model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from simulator.algorithms.base import State, Steps, Update
from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.steps.epochs import each_batch, train_epochs
from simulator.algorithms.steps.personal import PersonalModel
from simulator.algorithms.steps.proximal import check_pull, pulled_step
from simulator.settings.bounds import Epochs, Factor, LearningRate

if TYPE_CHECKING:
    from simulator.learning.models.staged import Staged
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.world import World


class Ditto(FedAvg):
    """Ditto (Li et al., 2021; recalled, not checked against the text): clients train the global model as in FedAvg,
    and also a personal model ``v``, whose loss gains ``lam / 2 ||v - w||^2``, where ``w`` is the global model as
    received. ``v`` stays on the device.

    These choices are ours: ``v`` starts from the first global model that a client receives, sees the same batches as
    the global model, and starts each round with a new optimizer state; so is every default. A client that was never
    selected uses the global model. ``v`` is trained in the phase ``personal training``, before the update is sent; by
    then the global model's gradients and optimizer state have been freed. A device that leaves keeps ``v`` as far as it
    was trained.

    Attributes:
        lam: strength of the pull of the personal model towards the global model (the paper's lambda); 0 is training
            alone. With sgd, lam times the learning rate must be below 2 (1 + momentum).
        personal_epochs: epochs of training of the personal model in each round.
        personal_learning_rate: learning rate of the personal model; null: the optimizer's own.
    """

    name: ClassVar[str] = "ditto"
    ignores_in_part: ClassVar[Mapping[str, str]] = {
        "local_epochs": "in its personal model, which trains for personal_epochs"
    }
    lam: Factor = 0.1
    personal_epochs: Epochs = 1
    personal_learning_rate: LearningRate | None = None

    def check(self, model: Staged, training: Training) -> None:
        super().check(model, training)
        check_pull("lam", self.lam, training.optimizer, self.personal_learning_rate)

    def client(self, world: World, task: Task, client: Client, state: State) -> Steps:
        kept = client.store(PersonalModel)
        received = yield from client.download(state, "model")
        shared = client.weights(received)
        own = client.weights(received if kept.tensors is None else kept.tensors, self.personal_learning_rate)
        model, personal = task.part(shared), task.part(own)
        yield from client.install(model, personal)
        with world.phase("training"):
            yield from train_epochs(client, model, task.training.local_epochs)
        update = client.release(shared, state)  # the two models are never trained at the same time
        kept.tensors = own  # the stored model itself is trained
        with world.phase("personal training"):
            yield from each_batch(
                client, self.personal_epochs, lambda batch: pulled_step(client, personal, batch, received, self.lam)
            )
        kept.tensors = client.release(own, state)
        return Update((yield from client.upload(update, "model")), weight=len(client.data))

    def model_for(self, world: World, task: Task, state: State, client: Client | None = None) -> Mapping[str, Any]:
        own = client.store(PersonalModel).tensors if client else None
        return {name: (own or state)[name] for name in state}
