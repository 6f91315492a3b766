"""A device and a server with channels between them, a payload, and a lazy batch of rows."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from simulator.accounting.payload import Messages
from simulator.accounting.power import Power
from simulator.learning.compression.base import Compressor
from simulator.transport.channels import channels
from simulator.transport.wire import Wire
from simulator.world.clients import Client
from simulator.world.hardware import Hardware
from simulator.world.network import Link
from simulator.world.sites import Site
from simulator.world.world import World
from tests.helpers.worlds import Steps

KINDS = Messages(
    ("model", "smashed data", "smashed data and labels"), ("model", "features", "smashed gradient", "frozen weights")
)
VALUES = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
WATTS = Power(2.0, 7.0, 4.0, 3.0)


def a_world(
    compression: dict[str, Compressor | None], dtype: str = "fp32", kinds: Messages = KINDS
) -> tuple[World, Client]:
    """Return a world and its one client: memory of 10 B/s at the device and 100 B/s at the server, links of 1 B/s.

    Args:
        compression: by kind of payload, its compressor.
        dtype: the data type on the wire.
        kinds: the kinds of payloads.
    """
    wire = Wire(dtype)
    world = World(wire, channels=channels(compression, kinds, wire))
    world.server = Site(world, "server", Hardware(1e9, 100.0, power=WATTS))
    return world, another(world)


def another(world: World) -> Client:
    """Add one more such device to a world, and return its client."""
    number = len(world.clients)
    links = Link(f"{number} up", 1.0), Link(f"{number} down", 1.0)
    site = Site(world, f"phone-{number}", Hardware(1e9, 10.0, power=WATTS), *links)
    return Client(site, None, world.server)


def run(world: World, client: Client, steps: Steps) -> Any:
    """Run the steps of one client, and return their result.

    Args:
        world: the world.
        client: the client on whose behalf the steps are run.
        steps: the steps.
    """

    def driver() -> Steps:
        return (yield from world.start(steps, client))

    return world.run(driver())


class Table:
    """A ``LazyBatch`` of the rows of a tensor."""

    is_meta, dtype, ragged = False, torch.float32, False

    def __init__(self, values: Tensor) -> None:
        self.values, self.shape = values, tuple(values.shape[1:])

    def __len__(self) -> int:
        return len(self.values)

    def shape_of(self, index: Tensor) -> tuple[int, ...]:
        """Return the shape of a row."""
        return self.shape

    def rows(self, index: Tensor) -> Tensor:
        """Return the rows at these indices."""
        return self.values[index]
