"""A small world with a small model, in which an algorithm runs for a few rounds."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from simulator.accounting.ledger import TransferRow, WorkRow
from simulator.accounting.power import Power
from simulator.algorithms.base import Algorithm, State
from simulator.learning.data.images import Images
from simulator.learning.data.shards import Shard
from simulator.learning.settings import TrainingSettings
from simulator.learning.task import Task
from simulator.learning.trees import leaves
from simulator.settings.seeds import Seeds
from simulator.transport.channels import channels
from simulator.transport.wire import Wire
from simulator.world.clients import Client
from simulator.world.hardware import Hardware
from simulator.world.network import Link
from simulator.world.sites import Site
from simulator.world.world import World
from tests.helpers.driving import drive as driven
from tests.helpers.models import CLASSES, SIDE, vit

STATISTICS = ((0.5,) * 3, (0.5,) * 3)
MODEL_BYTES = 4 * sum(parameter.numel() for parameter in vit().parameters())
SAMPLES = 10
"""The samples of each client: a batch of eight and one of two."""
RATES = (1e8, 4e8, 2e8, 3e8)
"""The rates of the devices, in FLOP/s; the server has 2e9 per slot, so that neither side takes all of the time."""


def training(train: str = "full", batch_size: int = 8, **settings: Any) -> TrainingSettings:
    """Return settings of training, with plain SGD by default.

    Args:
        train: which parameters are trained.
        batch_size: the batch size.
        settings: further settings.
    """
    base: dict[str, Any] = {
        "rounds": 2,
        "clients_per_round": 3,
        "batch_size": batch_size,
        "train": train,
        "optimizer": {"name": "sgd", "learning_rate": 0.1},
    }
    return TrainingSettings.model_validate(base | settings)


def digits_like(samples: int, seed: int, dry: bool = False) -> Images:
    """Return random images whose classes differ in brightness.

    Args:
        samples: how many images.
        seed: the seed of pixels and labels.
        dry: whether they are for a dry run.
    """
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, CLASSES, (samples,), generator=generator)
    pixels = torch.randint(0, 128, (samples, 3, SIDE, SIDE), generator=generator)
    return Images((pixels + 25 * labels.view(-1, 1, 1, 1)).to(torch.uint8), labels, STATISTICS, dry)


@dataclass
class Run:
    """A world after its rounds.

    Attributes:
        world: the world, with its ledger.
        task: the task.
        state: the last state of the algorithm.
        trained: the weights that it learned, by name.
        clients: all clients.
    """

    world: World
    task: Task
    state: State
    trained: Mapping[str, Tensor]
    clients: list[Client]

    def transfers(self, **wanted: Any) -> list[TransferRow]:
        """Return the transfers with these values of columns."""
        return [row for row in self.world.ledger.transfers if all(getattr(row, k) == v for k, v in wanted.items())]

    def works(self, **wanted: Any) -> list[WorkRow]:
        """Return the works with these values of columns."""
        return [row for row in self.world.ledger.works if all(getattr(row, k) == v for k, v in wanted.items())]


def make(
    algorithm: Algorithm,
    settings: TrainingSettings,
    *,
    clients: int = 4,
    samples: int | tuple[int, ...] = SAMPLES,
    slots: int = 2,
    server: float = 2e9,
    dry: bool = False,
    device: str = "cpu",
    remember: bool = True,
    provisioning: str = "first_use",
    attention: str = "fused",
    seed: int = 0,
    model: Callable[[], Any] = vit,
) -> tuple[World, Task]:
    """Return a world of devices with a shard each and a server, and the task that they learn.

    Args:
        algorithm: the algorithm.
        settings: the settings of training.
        clients: how many devices.
        samples: the samples of each device: one number for all, or one for each.
        slots: the slots of the server.
        server: the rate of the server, in FLOP/s per slot.
        dry: whether the model is on the meta device and nothing is learned.
        device: the torch device of data and weights.
        remember: whether the model remembers costs that it has counted.
        provisioning: when frozen weights are sent.
        attention: how attention is computed.
        seed: the seed of the task and of the shards.
        model: makes the model.
    """
    sizes = (samples,) * clients if isinstance(samples, int) else samples
    data_device = torch.device("cpu" if dry else device)
    built = model().to("meta") if dry else model()
    task = Task(
        built,
        algorithm.adapt(settings),
        settings,
        digits_like(40, 7, dry).to(data_device),
        seed=seed,
        device="meta" if dry else device,
        attention=attention,
        samples=torch.arange(40, device=data_device),
        remember=remember,
    )
    wire = Wire(settings.wire_dtype)
    kinds = algorithm.messages(task.model, settings)
    world = World(wire, channels=channels(settings.compression, kinds, wire))
    power = Power(2.0, 7.0, 4.0, 3.0)
    world.server = Site(
        world,
        "server",
        Hardware(server, 1e10, 2**30, slots, power),
        Link("server up", 4e6, 0.001),
        Link("server down", 2e6),
    )
    images = digits_like(sum(sizes), 5, dry).to(data_device)
    start = 0
    for number, size in enumerate(sizes):
        up, down = Link(f"up {number}", 1e6, 0.01), Link(f"down {number}", 2e6, 0.01)
        site = Site(world, f"phone-{number}", Hardware(RATES[number % 4], 1e9, 2**30, 1, power), up, down)
        index = torch.arange(start, start + size, device=data_device)
        Client(site, Shard(images, index, settings.batch_size, Seeds(seed)), world.server, provisioning, task)
        start += size
    return world, task


def go(algorithm: Algorithm, settings: TrainingSettings | None = None, *, seed: int = 0, **world_settings: Any) -> Run:
    """Run an algorithm for the rounds of its training settings.

    Args:
        algorithm: the algorithm.
        settings: the settings of training; by default those of `training`.
        seed: the seed of the world and of the cohorts.
        world_settings: further arguments of `make`.
    """
    settings = settings or training()
    world, task = make(algorithm, settings, seed=seed, **world_settings)
    clients = list(world.clients)
    cohort = min(settings.clients_per_round, len(clients))
    state = driven(algorithm, world, task, rounds=settings.rounds, clients_per_round=cohort, seed=seed)
    return Run(world, task, state, dict(algorithm.model_for(world, task, state)), clients)


def equal(one: Any, two: Any) -> bool:
    """Return whether two trees of tensors are equal to the bit."""
    pairs = list(zip(leaves(one), leaves(two), strict=True))
    return bool(pairs) and all(torch.equal(a, b) for a, b in pairs)


def largest_difference(one: Mapping[str, Tensor], two: Mapping[str, Tensor]) -> float:
    """Return the largest absolute difference between tensors of the same name."""
    assert one.keys() == two.keys()
    return max(float((one[name] - two[name]).abs().max()) for name in one)


def overlaps(rows: list[WorkRow]) -> Iterator[tuple[WorkRow, WorkRow]]:
    """Yield pairs of works of different clients that overlap in time."""
    for first in rows:
        for second in rows:
            apart = first.start + first.seconds <= second.start or second.start + second.seconds <= first.start
            if first.client != second.client and not apart:
                yield first, second
