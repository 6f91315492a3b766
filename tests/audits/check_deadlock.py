"""A process that waits for ever must end the run with an error that names who waits."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from simulator.world.clients import Client
from simulator.world.hardware import Hardware
from simulator.world.network import Link
from simulator.world.sites import Site
from simulator.world.world import World

WAITING = "phone-7"
Steps = Generator[Any, Any, Any]


class Scale:
    """A payload is the number of its bytes."""

    def carry(self, payload: int) -> tuple[int, int]:
        return payload, payload


def two_devices() -> tuple[World, Client, Client]:
    world = World(Scale())
    world.server = Site(world, "server", Hardware(1.0))
    sites = [Site(world, name, Hardware(1.0), Link("up", 1.0), Link("down", 1.0)) for name in (WAITING, "pi-3")]
    one, other = (Client(site, None, world.server) for site in sites)
    return world, one, other


def never_put(world: World, one: Client, other: Client) -> Steps:
    """A device waits for what nobody puts into a buffer."""
    buffer = world.buffer(1)

    def turn() -> Steps:
        with world.phase("split training"):
            return (yield from buffer.get())

    return world.together(world.start(turn(), one))


def partner_left(world: World, one: Client, other: Client) -> Steps:
    """A device waits for another that has left."""
    buffer = world.buffer(1)

    def give() -> Steps:
        yield from buffer.put((yield from other.upload(9, "x")))

    def take() -> Steps:
        with world.phase("split training"):
            return (yield from buffer.get())

    def drive() -> Steps:
        jobs = [world.start(give(), other), world.start(take(), one)]
        yield world.env.timeout(3)
        other.site.leave()
        return (yield from world.together(*jobs))

    return drive()


def never_freed(world: World, one: Client, other: Client) -> Steps:
    """A device waits for its own turn to end."""
    served: list[Any] = []

    def turn() -> Steps:
        with world.phase("split training"), world.exclusive(served) as first:
            yield first
            with world.exclusive(served) as second:
                yield second

    return world.together(world.start(turn(), one))


CASES: tuple[Callable[[World, Client, Client], Steps], ...] = (never_put, partner_left, never_freed)


def main() -> int:
    bad = 0
    for case in CASES:
        world, one, other = two_devices()
        try:
            said = f"it ended with {world.run(case(world, one, other))}"
            named = False
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            named = WAITING in str(error)
        bad += not named
        print(f"{case.__name__}: {said[:200]}{'' if named else ' <- names nobody'}")
    print(f"{len(CASES)} cases, {bad} that name nobody")
    return int(bad > 0)


if __name__ == "__main__":
    raise SystemExit(main())
