"""Tiny worlds: a payload is its own size in bytes, a site computes one FLOP per second, and nothing needs torch."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

from simulator.accounting.costs import Cost, Work
from simulator.accounting.power import Power
from simulator.accounting.seconds import Rows
from simulator.world.clients import Client
from simulator.world.hardware import Hardware
from simulator.world.network import Link
from simulator.world.queue import Batching, Queue
from simulator.world.signals.sampled import Piecewise
from simulator.world.sites import Site
from simulator.world.world import World

INF, DARK = float("inf"), Power()
LATE = 1e8
"""A time (s) so late that the clock's smallest step is 0.0000000149 s."""

Steps = Generator[Any, Any, Any]


class Scale:
    """A wire on which a number has as many bytes as it says, and a dictionary the bytes of its values."""

    def carry(self, payload: Any) -> tuple[Any, int]:
        """Return a payload as it arrives, and its size in bytes."""
        if isinstance(payload, dict):
            return dict(payload), sum(payload.values())
        return payload, payload


def tiny(
    start: float = 0.0,
    slots: int = 1,
    queue: Queue | None = None,
    power: Power = DARK,
    gpus: int = 1,
    batching: Batching | None = None,
    efficiency: Rows = (),
) -> World:
    """Return a world with a server that has infinitely fast links.

    Args:
        start: the time on its clock, in seconds.
        slots: the slots of the server.
        queue: the queue of the server.
        power: the power of the server; by default none.
        gpus: the GPUs of the server.
        batching: which works share a pass at the server.
        efficiency: the server's efficiency by batch size.
    """
    world = World(Scale(), start)
    hardware = Hardware(1.0, slots=slots, power=power, gpus=gpus, batch_efficiency=efficiency)
    world.server = Site(world, "server", hardware, queue=queue, batching=batching)
    return world


def device(
    world: World,
    name: str = "a",
    up: float = INF,
    down: float = INF,
    latency: float = 0.0,
    slots: int = 1,
    power: Power = DARK,
) -> Client:
    """Add a device to a world, and return its client.

    Args:
        world: the world.
        name: the name of the device.
        up: the rate of its uplink, in bytes/s.
        down: the rate of its downlink, in bytes/s.
        latency: the latency of each link, in seconds.
        slots: the slots of the device.
        power: the power of the device; by default none.
    """
    links = Link(f"{name} up", up, latency), Link(f"{name} down", down, latency)
    site = Site(world, name, Hardware(1.0, slots=slots, power=power), *links)
    return Client(site, data=None, server=world.server)


def job(
    seconds: float,
    run: Callable[..., Any] = lambda *_: None,
    writes: object | None = None,
    name: str = "job",
    kept: int = 0,
    peak: int = 0,
    holds: Any = None,
) -> Work:
    """Return a work that takes so many seconds on a tiny site.

    Args:
        seconds: how long it takes.
        run: what it does.
        writes: the object that it writes.
        name: its name.
        kept: the bytes that it keeps.
        peak: the bytes that it needs at its peak.
        holds: what it holds.
    """
    cost = Cost(flops=seconds, peak_bytes=peak, kept_bytes=kept)
    return Work(run, lambda *_: cost, writes=lambda *_: writes, holds=lambda *_: holds, name=name)


def pause(world: World, seconds: float) -> Steps:
    """Wait for so many seconds, during which nothing is charged."""
    yield world.env.timeout(seconds)


def after(world: World, seconds: float, action: Callable[[], Any]) -> Steps:
    """Call a function so many seconds from now.

    Args:
        world: the world.
        seconds: the delay.
        action: the function.
    """
    yield world.env.timeout(seconds)
    action()


def served(world: World) -> list[tuple[str, float, float]]:
    """Return (work, start, seconds) of all services, as they ended; starts count from the start of the world."""
    return [(row.work, row.start - world.start_time, row.seconds) for row in world.ledger.works]


def sent(world: World) -> list[tuple[str, float, float, int, int]]:
    """Return (kind, start, seconds, bytes, lost) of all transfers, as they ended; starts count as in ``served``."""
    rows = world.ledger.transfers
    return [(row.kind, row.start - world.start_time, row.seconds, row.bytes, row.lost) for row in rows]


def rows(world: World) -> Iterator[tuple[Any, ...]]:
    """Yield every row of the ledger."""
    for table in world.ledger.tables().values():
        yield from table


def factors(start: float, *pairs: tuple[float, float]) -> Piecewise:
    """Return a signal with these factors from these moments on, which count from the start of a clock.

    Args:
        start: the clock at the start, in seconds.
        pairs: (seconds after the start, factor) of each change.
    """
    return Piecewise([start + moment for moment, _ in pairs], [factor for _, factor in pairs])
