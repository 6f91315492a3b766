"""Centralized training: devices send their data once, and the server trains alone."""

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
    """The data that the server has received.

    Attributes:
        data: client name -> (encoded samples, uint8 [bytes], on ``meta``; labels, int64 [N], if there are any).
    """

    data: dict[str, Any] = field(default_factory=dict)


def encoded_kind(model: Staged) -> str:
    """Return the kind of payload that data are sent as: images or texts, with their labels if these are learned."""
    samples = "texts" if model.takes_tokens else "encoded images"
    return samples if model.objective.over_tokens else f"{samples} and labels"


class Centralized(OwnOrder):
    """Training on all data at the server: an upper bound on what can be learned, at the price of collecting the data.

    Each device uploads its images, in the encoding in which it stores them, and its labels, 8 bytes each; texts as
    UTF-8, without labels where the next token is predicted. All devices do so in parallel, before the first round
    trains; a device that is away then does so in the first round that finds it back. In each round the server trains on
    as many samples as the round's cohort holds, ``local_epochs`` times; each time they are drawn anew and without
    replacement from all data received. That is as many samples as FedAvg would train on, and an ordinary epoch where
    every client is in every cohort. Weights and optimizer state persist; the learning rate follows the schedule.

    A device takes part from the start of the round until its data have arrived. After that no device takes part: the
    cohort only determines how many samples are drawn, and no waiting is counted. In the server's memory the data have
    the size in which they were sent; decoding them is free, as it is on devices.

    CIFAR-10 as published, 50,000 images of 3 x 32 x 32 bytes, is 153.6 MB plus 0.4 MB of labels, sent once. ViT-Base
    with ten classes is 343.2 MB in float32, which full FL sends to and from each client in each round.
    """

    name: ClassVar[str] = "centralized"
    engages_cohort: ClassVar[bool] = False

    def messages(self, model: Staged, training: Training) -> Messages:
        kind = encoded_kind(model)
        return Messages(up=(kind,), incompressible=(kind,))

    def serial_at_server(self, model: Staged, training: Training) -> str | None:
        return "the server trains on one batch after the other. A larger batch_size would use a larger GPU"

    def begin(self, world: World, task: Task) -> State:
        share_body(world, task, task.trainable())
        return {}

    def round(self, world: World, task: Task, state: State, cohort: list[Client]) -> Steps:
        from simulator.learning.data.shards import pooled  # imported late: reading a scenario loads no torch

        yield from self._collect(world, task)
        number, collected = world.current_process().round, world.server.store(Collected).data
        model = task.part(shared_body(world, task))
        shards = [client.data for client in world.clients if client.name in collected]
        samples = sum(len(client.data) for client in cohort)
        if shards and samples:
            with world.phase("training"):
                epochs = task.training.local_epochs
                for batch in pooled(shards).batches((self.name, number), epochs, samples=samples):
                    yield from world.server.compute(model.train_step, *batch)
        return state

    def _collect(self, world: World, task: Task) -> Steps:
        """Have every device that is present and has not yet sent its data do so."""
        store = world.server.store(Collected)
        present = [client for client in world.clients if client.site.away_since is None]
        missing = [client for client in present if client.name not in store.data]
        if missing:
            with world.phase("data upload"):
                uploads = [world.start(self._upload_data(world, task, client), client) for client in missing]
                store.data = store.data | dict((yield from world.together(*uploads)))

    def _upload_data(self, world: World, task: Task, client: Client) -> Steps:
        """Upload a client's data; return its name and what was received of them."""
        import torch

        start, number = world.now, world.current_process().round
        world.begin_engagement(client)
        encoded = torch.empty(client.data.file_bytes, dtype=torch.uint8, device="meta")  # only the size matters
        try:
            labels = () if task.model.objective.over_tokens else (client.data.labels,)
            received = yield from client.upload((encoded, *labels), encoded_kind(task.model))
        finally:
            world.end_engagement(client, number, start)
        return client.name, received

    def model_for(self, world: World, task: Task, state: State, client: Client | None = None) -> Mapping[str, Any]:
        return shared_tensors(world, task.trainable())
