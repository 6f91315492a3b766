"""FedProx: FedAvg with a proximal term that pulls clients towards the global model."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from simulator.algorithms.base import State, Steps, Update
from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.steps.epochs import each_batch
from simulator.algorithms.steps.proximal import check_pull, pulled_step
from simulator.settings.bounds import Factor

if TYPE_CHECKING:
    from simulator.learning.models.staged import Staged
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.world import World


class FedProx(FedAvg):
    """FedProx (Li et al., 2020, Algorithm 2): the local loss gains ``mu / 2 ||w - w_global||^2``.

    Attributes:
        mu: strength of the pull towards the global model; 0 is FedAvg. With sgd, mu times the learning rate must be
            below 2 (1 + momentum).
    """

    name: ClassVar[str] = "fedprox"
    has_routine: ClassVar[bool] = True
    mu: Factor = 0.01

    def check(self, model: Staged, training: Training) -> None:
        super().check(model, training)
        check_pull("mu", self.mu, training.optimizer)

    def client(self, world: World, task: Task, client: Client, state: State) -> Steps:
        received = yield from client.download(state, "model")
        local = client.weights(received)
        model = task.part(local)
        yield from client.install(model)
        with world.phase("training"):
            yield from each_batch(
                client, task.training.local_epochs, lambda batch: pulled_step(client, model, batch, received, self.mu)
            )
        return Update((yield from client.upload(local.release_copy(state), "model")), weight=len(client.data))
