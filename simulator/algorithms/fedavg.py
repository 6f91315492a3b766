"""FedAvg: devices train the whole model, and the server averages."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from simulator.accounting.payload import Messages
from simulator.algorithms.base import Algorithm, State, Steps, Update
from simulator.algorithms.steps.epochs import train_epochs
from simulator.algorithms.steps.split_step import provisioned

if TYPE_CHECKING:
    from simulator.learning.models.staged import Staged
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.world import World


class FedAvg(Algorithm):
    """FedAvg (McMahan et al., 2017, Algorithm 1): clients train the whole model, and the server averages.

    The training setting ``train`` determines which parameters are trained and sent. ``full`` is FL; ``linear``,
    ``bias`` and ``prompt`` are the FedPEFT family (Sun et al., 2022), in which the frozen rest is sent once, as
    provisioning.
    """

    name: ClassVar[str] = "fedavg"
    update_kind: ClassVar[str | None] = "model"
    has_routine: ClassVar[bool] = True

    def messages(self, model: Staged, training: Training) -> Messages:
        return Messages(("model",), ("model", *provisioned(model, model.whole)))

    def begin(self, world: World, task: Task) -> State:
        return task.trainable()

    def client(self, world: World, task: Task, client: Client, state: State) -> Steps:
        local = client.weights((yield from client.download(state, "model")))
        model = task.part(local)
        yield from client.install(model)
        with world.phase("training"):
            yield from train_epochs(client, model, task.training.local_epochs)
        return Update((yield from client.upload(local.release_copy(state), "model")), weight=len(client.data))
