"""Paths through tiers of edges, and flows that share them; by hand, and against a slow reference."""

from __future__ import annotations

import random
from typing import Any

import pytest

from simulator.world.clients import Client
from simulator.world.hardware import Hardware
from simulator.world.network import Link
from simulator.world.sites import Site
from simulator.world.tiers import Access, Tiers
from simulator.world.world import World
from tests.helpers.fluid import Order, filling, pour
from tests.helpers.worlds import INF, LATE, Steps, device, sent, tiny


def edge(world: World, name: str, above: Site, up: float = INF, down: float = INF, access: float | None = None) -> Site:
    """Add an edge with these rates, in bytes/s, to a world."""
    world.tiers = world.tiers or Tiers(world.server)
    site = Site(world, name, Hardware(1.0), Link(f"{name} up", up), Link(f"{name} down", down))
    shared = Access(Link(f"{name} access up", access), Link(f"{name} access down", access)) if access else None
    world.tiers.add_edge(site, above, shared)
    return site


def behind(world: World, name: str, above: Site, up: float = INF, down: float = INF) -> Client:
    """Add a device behind an edge to a world."""
    client = device(world, name, up, down)
    assert world.tiers is not None
    world.tiers.add_device(client.site, above)
    return client


def names(world: World, source: Site, target: Site) -> list[str]:
    return [link.name for link in world.path(source, target)]


@pytest.fixture
def three() -> tuple[World, dict[str, Any]]:
    """A device `a` behind `near` behind `far`; `b` behind `far`, whose access is shared; `c` behind no edge."""
    world = tiny()
    far = edge(world, "far", world.server, access=9)
    near = edge(world, "near", far, access=5)
    sites = {"near": near, "far": far, "a": behind(world, "a", near).site, "b": behind(world, "b", far).site}
    return world, {**sites, "c": device(world, "c").site, "server": world.server}


@pytest.mark.parametrize(
    ("source", "target", "links"),
    [
        ("a", "server", ["a up", "near access up", "near up", "far up", "server down"]),
        ("server", "a", ["server up", "far down", "near down", "near access down", "a down"]),
        ("a", "near", ["a up", "near access up"]),
        ("near", "a", ["near access down", "a down"]),
        ("near", "far", ["near up"]),
        ("far", "server", ["far up", "server down"]),
        ("server", "near", ["server up", "far down", "near down"]),
        ("b", "a", ["b up", "far access up", "near down", "near access down", "a down"]),
        ("c", "server", ["c up", "server down"]),
        ("c", "b", ["c up", "far down", "far access down", "b down"]),
        ("b", "b", []),
    ],
)
def test_a_path_climbs_to_where_the_ways_meet(
    three: tuple[World, dict[str, Any]], source: str, target: str, links: list[str]
) -> None:
    world, sites = three
    assert names(world, sites[source], sites[target]) == links


def test_devices_of_an_edge_share_its_uplink_and_others_do_not() -> None:
    """Two behind the edge get 2 B/s each of its 4; the third has the server to itself at 10."""
    world = tiny()
    hall = edge(world, "hall", world.server, up=4)
    a, b = (behind(world, name, hall, up=10) for name in "ab")
    c = device(world, "c", up=10)
    world.run(world.together(*(client.upload(20, client.name) for client in (a, b, c))))
    assert {kind: seconds for kind, _, seconds, _, _ in sent(world)} == {"a": 10, "b": 10, "c": 2}


def test_the_shared_medium_is_crossed_on_the_way_to_the_edge_too() -> None:
    world = tiny()
    hall = edge(world, "hall", world.server, access=4)
    clients = [behind(world, name, hall, up=10) for name in "ab"]
    for client in clients:
        client.server = hall
    world.run(world.together(*(client.upload(20, client.name) for client in clients)))
    assert world.now == 10


def test_latency_is_paid_on_every_link_of_the_path() -> None:
    world = tiny()
    hall = edge(world, "hall", world.server)
    client = behind(world, "a", hall, up=10)
    hall.uplink.latency, client.site.uplink.latency = 0.25, 0.5
    world.run(client.upload(10, "x"))
    (row,) = world.ledger.transfers
    assert (row.source, row.target, row.latency, row.seconds) == ("a", "server", 0.75, 1.75)


def test_a_broadcast_crosses_the_servers_uplink_once_and_the_edges_links_for_each() -> None:
    """30 bytes cross the server's port at 10 B/s; the edge's 20 B/s carry both copies, at once, in 3 s too."""
    world = tiny()
    world.server.uplink = Link("server up", 10)
    hall = edge(world, "hall", world.server, down=20)
    clients = [behind(world, name, hall) for name in "ab"]

    def driver() -> Steps:
        return (yield from world.broadcast(world.server, clients, 30, "rows"))

    assert len(world.run(driver())) == 2
    assert [seconds for _, _, seconds, _, _ in sent(world)] == [3, 3]
    hall.downlink.bytes_per_s = 5
    world.run(driver())
    assert [seconds for _, _, seconds, _, _ in sent(world)][2:] == [12, 12]


def test_an_edge_broadcasts_to_its_own_devices() -> None:
    world = tiny()
    hall = edge(world, "hall", world.server)
    clients = [behind(world, name, hall, down=down) for name, down in (("a", 10), ("b", 5))]

    def driver() -> Steps:
        return (yield from world.broadcast(hall, clients, 30, "rows"))

    world.run(driver())
    assert [(row.source, row.seconds) for row in world.ledger.transfers] == [("hall", 3), ("hall", 6)]


def forest(draw: random.Random, start: float) -> tuple[World, list[Client]]:
    """Return a world with a random tree: up to four edges in up to four tiers, and nine devices."""
    rates = [1.0, 2.0, 2.0, 3.0, 5.0, 8.0, INF]
    world = tiny(start)
    world.server.downlink.bytes_per_s, world.server.uplink.bytes_per_s = draw.choice(rates), draw.choice(rates)
    sites = [world.server]
    for number in range(draw.randint(1, 4)):
        shared = draw.choice([None, *rates[:-1]])
        above = draw.choice(sites)
        sites.append(edge(world, f"e{number}", above, draw.choice(rates), draw.choice(rates), shared))
    clients = []
    for number in range(9):
        above, up, down = draw.choice(sites), draw.choice(rates[:-1]), draw.choice(rates[:-1])
        name = f"d{number}"
        clients.append(device(world, name, up, down) if above is world.server else behind(world, name, above, up, down))
        clients[-1].server = draw.choice([world.server, above])
    return world, clients


@pytest.mark.parametrize("start", [0.0, LATE])
@pytest.mark.parametrize("seed", range(30))
def test_flows_in_a_random_tree_are_as_a_slow_reference_has_them(seed: int, start: float) -> None:
    """Many begin at the same moment, some have no bytes, and many have the same cap."""
    draw = random.Random(seed)
    world, clients = forest(draw, start)
    orders, ends, links = [], {}, {}
    for number in range(14):
        client, upwards = draw.choice(clients), draw.random() < 0.5
        ways = (client.site, client.server) if upwards else (client.server, client.site)
        path = [link for link in world.path(*ways) if link.bytes_per_s < INF]
        links.update({link.name: link.bytes_per_s for link in path})
        begin, size = float(draw.choice([0, 0, 1, 2, 5])), draw.choice([0, 1, 4, 10, 10, 37])
        orders.append(Order(tuple(link.name for link in path), size, begin))

        def send(number: int = number, ways: Any = ways, begin: float = begin, size: int = size) -> Steps:
            yield world.env.timeout(begin)
            yield from ways[0].send(ways[1], size, str(number))
            ends[number] = world.now - start

        world.start(send())
    world.env.run()
    expected = [
        fate.end if order.size else order.enter for fate, order in zip(pour(links, orders), orders, strict=True)
    ]
    assert [ends[number] for number in range(14)] == pytest.approx(expected, rel=1e-9, abs=1e-9 if not start else 1e-6)


@pytest.mark.parametrize("seed", range(30))
def test_rates_in_a_random_tree_are_max_min_fair(seed: int) -> None:
    draw = random.Random(seed)
    world, _ = forest(draw, 0.0)
    ways = [draw.choice([(c.site, c.server), (c.server, c.site)]) for c in world.clients]
    paths = [world.path(*way) for way in ways]
    flows = [world.network.send(path, 100) for path in paths]
    capacity = {link.name: link.bytes_per_s for path in paths for link in path if link.bytes_per_s < INF}
    named = [tuple(link.name for link in path if link.bytes_per_s < INF) for path in paths]
    assert [world.network.rate(flow) for flow in flows] == pytest.approx(filling(capacity, named), rel=1e-9)
