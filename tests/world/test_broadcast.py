"""A broadcast crosses the sender's uplink once, and each receiver's downlink; by hand."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.world.network import Link
from simulator.world.world import World
from tests.helpers.worlds import INF, Steps, after, device, pause, sent, tiny


def broadcast(world: World, payload: int = 30) -> Any:
    """What each client received, by its name."""

    def driver() -> Steps:
        received = yield from world.broadcast(world.server, world.clients, payload, "rows")
        return {client.name: copy for client, copy in received.items()}

    return world.run(driver())


def crowd(*downs: float, up: float = INF, latency: float = 0.0, later: float = 0.0) -> World:
    """A server with this uplink, and a client for each downlink."""
    world = tiny()
    world.server.uplink = Link("server up", up, latency)
    for number, down in enumerate(downs):
        device(world, f"phone-{number}", down=down, latency=later)
    return world


def test_a_port_that_all_share_carries_it_once() -> None:
    world = crowd(INF, INF, INF, up=10)
    assert broadcast(world) == {"phone-0": 30, "phone-1": 30, "phone-2": 30}
    assert world.now == 3
    assert sent(world) == [("rows", 0, 3, 30, 0)] * 3


def test_each_has_it_when_its_own_downlink_has_carried_it() -> None:
    world = crowd(10, 5, INF, up=30)
    broadcast(world)
    assert sorted(row.seconds for row in world.ledger.transfers) == [1, 3, 6]


@pytest.mark.parametrize(("up", "down", "seconds"), [(INF, 10, 3.5), (10, INF, 3.5), (10, 10, 3.5), (INF, INF, 0.5)])
def test_latency_of_both_links_is_paid_whichever_is_slower(up: float, down: float, seconds: float) -> None:
    world = crowd(down, up=up, latency=0.25, later=0.25)
    broadcast(world)
    (row,) = world.ledger.transfers
    assert (row.seconds, row.latency) == (seconds, 0.5)


def test_to_one_it_is_a_transfer() -> None:
    world = crowd(10, up=7, latency=0.25, later=0.5)
    broadcast(world)
    other = crowd(10, up=7, latency=0.25, later=0.5)
    other.run(other.clients[0].download(30, "rows"))
    assert world.now == pytest.approx(other.now)


def test_who_leaves_before_has_nothing_and_what_it_was_sent_is_lost() -> None:
    world = crowd(10, 5)

    def driver() -> Steps:
        world.start(after(world, 2, world.clients[1].site.leave))
        received = yield from world.broadcast(world.server, world.clients, 30, "rows")
        return [client.name for client in received]

    assert world.run(driver()) == ["phone-0"]
    assert sorted((row.bytes, row.lost) for row in world.ledger.transfers) == [(10, 10), (30, 0)]


def test_who_is_away_is_sent_nothing() -> None:
    world = crowd(10, 10)
    world.clients[0].site.leave()
    assert broadcast(world) == {"phone-1": 30}
    assert len(world.ledger.transfers) == 1


def test_stopped_it_frees_the_port_for_others() -> None:
    world = crowd(INF, INF, up=10)

    def driver() -> Steps:
        job = world.start(world.broadcast(world.server, world.clients, 300, "rows"))
        yield from pause(world, 1)
        job.stop()
        yield from world.clients[0].download(10, "next")

    world.run(driver())
    assert world.now == 2
    assert sent(world)[-1] == ("next", 1, 1, 10, 0)


@pytest.mark.parametrize("seconds", [50, 90])
@pytest.mark.parametrize("leaves", ["receiver", "sender"])
def test_what_the_uplink_had_sent_of_it_is_lost_with_who_leaves(leaves: str, seconds: int) -> None:
    """The downlinks are done at once; the uplink has carried a byte a second."""
    world = crowd(INF, INF, up=1)
    site = world.clients[0].site if leaves == "receiver" else world.server

    def driver() -> Steps:
        world.start(after(world, seconds, site.leave))
        return (yield from world.together(world.broadcast(world.server, world.clients, 100, "rows")))

    world.run(driver())
    others = [(100, 0)] if leaves == "receiver" else [(seconds, seconds)]
    assert sorted((row.bytes, row.lost) for row in world.ledger.transfers) == sorted([(seconds, seconds), *others])
