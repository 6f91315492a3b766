"""Tiny worlds: a payload is the number of its bytes, a site does one FLOP a second, and nothing needs torch."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

from simulator.accounting.costs import Cost, Work
from simulator.accounting.power import Power
from simulator.world.clients import Client
from simulator.world.hardware import Hardware
from simulator.world.network import Link
from simulator.world.queue import Queue
from simulator.world.sites import Site
from simulator.world.world import World

INF, DARK = float("inf"), Power()
LATE = 1e8
"""A clock on which 0.0000000149 s is the smallest step."""

Steps = Generator[Any, Any, Any]


class Scale:
    """A wire on which a number weighs as many bytes as it says, and a dictionary what its values weigh."""

    def carry(self, payload: Any) -> tuple[Any, int]:
        if isinstance(payload, dict):
            return dict(payload), sum(payload.values())
        return payload, payload


def tiny(start: float = 0.0, slots: int = 1, queue: Queue | None = None, power: Power = DARK) -> World:
    """A world with a server whose links are infinite."""
    world = World(Scale(), start)
    world.server = Site(world, "server", Hardware(1.0, slots=slots, power=power), queue=queue)
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
    """A client whose uplink and downlink carry so many bytes a second, each after ``latency``."""
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
    """A work that takes so many seconds of a tiny site."""
    cost = Cost(flops=seconds, peak_bytes=peak, kept_bytes=kept)
    return Work(run, lambda *_: cost, writes=lambda *_: writes, holds=lambda *_: holds, name=name)


def pause(world: World, seconds: float) -> Steps:
    """Wait, without anything being charged."""
    yield world.env.timeout(seconds)


def after(world: World, seconds: float, action: Callable[[], Any]) -> Steps:
    """Do something so many seconds from now."""
    yield world.env.timeout(seconds)
    action()


def served(world: World) -> list[tuple[str, float, float]]:
    """(work, start, seconds) of all services, as they ended; starts count from the clock's first second."""
    return [(row.work, row.start - world.start_time, row.seconds) for row in world.ledger.works]


def sent(world: World) -> list[tuple[str, float, float, int, int]]:
    """(kind, start, seconds, bytes, lost) of all transfers, as they ended."""
    rows = world.ledger.transfers
    return [(row.kind, row.start - world.start_time, row.seconds, row.bytes, row.lost) for row in rows]


def rows(world: World) -> Iterator[tuple[Any, ...]]:
    """All that the ledger holds."""
    for table in world.ledger.tables().values():
        yield from table
