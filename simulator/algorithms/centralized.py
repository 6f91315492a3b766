"""No federation at all: devices ship their data once, and the server trains alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from simulator.accounting.payload import Messages
from simulator.algorithms.base import OwnOrder, State, Steps
from simulator.algorithms.steps.shared_body import share_body, shared_body, shared_tensors
from simulator.world.store import Store

if TYPE_CHECKING:
    from simulator.learning.models.staged import Staged
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.world import World


@dataclass(eq=False)
class Collected(Store):
    """What the server was sent, by the names of the clients: so many encoded bytes, and labels."""

    data: dict[str, Any] = field(default_factory=dict)


class Centralized(OwnOrder):
    """Training on all data in one place: the upper bound of what can be learned, at the price of everybody's data.

    Each device ships its images, encoded as they lie there, and its labels, 8 bytes each: all side by side, before the
    first round is trained (one that is away then, when a round finds it back). In each round the server takes as many
    samples as the round's cohort holds, ``local_epochs`` times, each time drawn anew and without replacement from all
    that it was sent: as many sample steps as FedAvg would take. With every client in each round that is an ordinary
    epoch. Weights and the state of the optimizer last; the learning rate follows the schedule.

    A device is engaged from the round's start until its data have arrived. After that no device takes part, a round's
    cohort only says how many samples are drawn, and nobody's waiting is counted. In the server's memory the data count
    as they were sent; decoding them is free, as it is on devices.

    CIFAR-10 as published, 50,000 images of 3 x 32 x 32 bytes, is 153.6 MB with 0.4 MB of labels, sent once. ViT-Base
    with ten classes is 343.2 MB as float32, which full FL sends to and from each client of each round.
    """

    name: ClassVar[str] = "centralized"
    engages_cohort: ClassVar[bool] = False

    def messages(self, model: Staged, training: Training) -> Messages:
        return Messages(up=("encoded images and labels",), incompressible=("encoded images and labels",))

    def begin(self, world: World, task: Task) -> State:
        share_body(world, task, task.trainable())
        return {}

    def round(self, world: World, task: Task, state: State, cohort: list[Client]) -> Steps:
        from simulator.learning.data.images import pooled  # here, so that reading a scenario loads no torch

        yield from self._gather(world)
        number, arrived = world.current_process().round, world.server.store(Collected).data
        model = task.part(shared_body(world, task))
        shards = [client.data for client in world.clients if client.name in arrived]
        wanted = sum(len(client.data) for client in cohort)
        if shards and wanted:
            with world.phase("training"):
                epochs = task.training.local_epochs
                for batch in pooled(shards).batches((self.name, number), epochs, samples=wanted):
                    yield from world.server.compute(model.train_step, *batch)
        return state

    def _gather(self, world: World) -> Steps:
        """Have all devices that have not done so, and are there, ship their data."""
        store = world.server.store(Collected)
        there = [client for client in world.clients if client.site.away_since is None]
        ready = [client for client in there if client.name not in store.data]
        if ready:
            with world.phase("data upload"):
                jobs = [world.start(self._ship(world, client), client) for client in ready]
                store.data = store.data | dict((yield from world.together(*jobs)))

    def _ship(self, world: World, client: Client) -> Steps:
        """The value is the client's name and what arrived of its data: so many bytes, and the labels."""
        import torch

        start, number = world.now, world.current_process().round
        encoded = torch.empty(client.data.file_bytes, dtype=torch.uint8, device="meta")  # only their number matters
        try:
            arrived = yield from client.upload((encoded, client.data.labels), "encoded images and labels")
        finally:
            world.end_engagement(client, number, start)
        return client.name, arrived

    def model_for(self, world: World, task: Task, state: State, client: Client | None = None) -> Mapping[str, Any]:
        return shared_tensors(world, task.trainable())
