"""A small world that meets the assumptions of the analytic twins, and what the simulator makes of one round in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from simulator.accounting.twins.base import Figures, Transfer, Work
from simulator.accounting.twins.splitfed import SplitBatch
from simulator.learning.models.cuts import Ranges
from simulator.learning.models.staged import Sizes
from simulator.learning.task import Task
from simulator.world.hardware import Hardware
from simulator.world.network import Link
from simulator.world.world import World
from tests.helpers.driving import drive
from tests.helpers.learners import RATES, make, training

ROW = 4 * 5 * 16
"""Bytes of one sample at a cut: five tokens of sixteen floats."""
IMAGE = (3, 16, 16)
TOKENS = (5, 16)
SERVER_RATE = 2e9
LABEL = 8
"""Bytes of a label."""
LINKS = ((1e6, 0.01, 3e6, 0.02), (5e5, 0.0, 2e6, 0.03), (2e6, 0.03, 1e5, 0.0), (9e5, 0.02, 4e6, 0.01))
"""Of each device: bytes/s and latency up, and down. The server's own ports have no limit."""
SERVER_LATENCY = 0.002


@dataclass
class Toy:
    """A world of devices with links of their own, memory that is never in the way, and a task; dry.

    Attributes:
        algorithm: what is run.
        samples: the samples of each device.
        alike: whether all devices and links are like the first one.
        slots: the slots of the server.
        settings: settings of training, besides a batch size of eight.
        world, task: where it is run.
    """

    algorithm: Any
    samples: int | tuple[int, ...] = 16
    clients: int = 4
    alike: bool = False
    slots: int = 4
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        settings = training(clients_per_round=self.clients, rounds=1, **self.settings)
        self.world: World
        self.task: Task
        self.world, self.task = make(
            self.algorithm, settings, clients=self.clients, samples=self.samples, dry=True, provisioning="preinstalled"
        )
        server = self.world.server
        server.hardware = Hardware(SERVER_RATE, slots=self.slots)
        server.service = type(server.service)(server, server.queue)
        server.uplink = Link("server up", float("inf"), SERVER_LATENCY)
        server.downlink = Link("server down", float("inf"))
        for number, client in enumerate(self.world.clients):
            up, late, down, later = self.links[number]
            client.site.hardware = Hardware(self.rates[number])
            client.site.uplink, client.site.downlink = Link("up", up, late), Link("down", down, later)

    @property
    def rates(self) -> Sequence[float]:
        """FLOP/s of each device."""
        return RATES[:1] * self.clients if self.alike else RATES

    @property
    def links(self) -> Sequence[tuple[float, float, float, float]]:
        """The links of each device, as in ``LINKS``."""
        return LINKS[:1] * self.clients if self.alike else LINKS

    def up(self, device: int, nbytes: float) -> Transfer:
        """Return what a device sends."""
        rate, latency, _, _ = self.links[device]
        return Transfer.over(nbytes, rate, latency)

    def down(self, device: int, nbytes: float) -> Transfer:
        """Return what a device is sent."""
        _, _, rate, latency = self.links[device]
        return Transfer.over(nbytes, rate, latency + SERVER_LATENCY)

    def on(self, device: int, flops: float) -> Work:
        """Return a work on a device."""
        return Work.at(flops, self.rates[device])

    def served(self, flops: float) -> Work:
        """Return a work at the server."""
        return Work.at(flops, SERVER_RATE)

    def sizes(self, ranges: Ranges, samples: int, shape: tuple[int, ...] = TOKENS) -> Sizes:
        """Return FLOPs of some stages for a batch; ``shape`` is that of one sample."""
        return self.task.model.sizes(ranges, (samples, *shape))

    def trained(self, *ranges: Ranges) -> int:
        """Return the bytes of the trained parameters in some stages."""
        return sum(4 * tensor.numel() for part in ranges for tensor in self.task.trainable(part).values())

    def simulated(self) -> dict[str, float]:
        """Run one round, and return its figures from the ledger."""
        drive(self.algorithm, self.world, self.task)
        devices, ledger = {client.name for client in self.world.clients}, self.world.ledger
        works, transfers = list(ledger.works), list(ledger.transfers)
        return {
            "seconds": next(iter(ledger.rounds)).seconds,
            "bytes_up": sum(row.bytes for row in transfers if row.source in devices),
            "bytes_down": sum(row.bytes for row in transfers if row.target in devices),
            "device_flops": sum(row.flops for row in works if row.site in devices),
            "server_flops": sum(row.flops for row in works if row.site not in devices),
        }

    def check(self, twin: Figures) -> None:
        """Check that a round of the simulator has the figures of a twin."""
        found = self.simulated()
        assert {key: getattr(twin, key) for key in found} == pytest.approx(found, rel=1e-9)


def batches(samples: int, size: int = 8, epochs: int = 1) -> Iterator[tuple[int, int]]:
    """Yield how often a batch comes, and its samples: the full ones, and the smaller last one of each epoch."""
    full, rest = divmod(samples, size)
    if full:
        yield epochs * full, size
    if rest:
        yield epochs, rest


def u_shaped(toy: Toy, at: int, size: int, tokens: int = 5) -> SplitBatch:
    """Return one batch of a device, U-shaped: a block each in head and tail; all weights are trained.

    Args:
        toy: the world.
        at: the number of the device.
        size: the samples of the batch.
        tokens: the tokens of a sample at a cut.
    """
    cut, row = toy.task.cut(1, 1), 4 * tokens * 16
    head = toy.sizes(cut.head, size, IMAGE)
    body, tail = (toy.sizes(ranges, size, (tokens, 16)) for ranges in (cut.body, cut.tail))
    return SplitBatch(
        head_forward=toy.on(at, head.forward),
        smashed=toy.up(at, row * size),
        body_forward=toy.served(body.forward),
        features=toy.down(at, row * size),
        tail=toy.on(at, tail.forward + tail.backward),
        feature_gradient=toy.up(at, row * size),
        body_backward=toy.served(body.backward),
        smashed_gradient=toy.down(at, row * size),
        head_backward=toy.on(at, head.backward),
    )
