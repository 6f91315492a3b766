"""Which processes end when a site leaves, against a look at all of them; and what is left of one that is over."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

from simulator.world.clients import Client
from simulator.world.process import Process
from simulator.world.world import World
from tests.helpers.worlds import Steps, device, job, pause, tiny


def needing(world: World, site: Any) -> list[Process]:
    """Return the processes that cannot go on without a site, with all of the same clients: by a look at all."""
    affected = {process.client or process for process in world.processes if process.needs(site)}
    return [process for process in world.processes if (process.client or process) in affected]


def busy(world: World, client: Client, rng: np.random.Generator, others: list[Client]) -> Steps:
    """Do something at random, alone or with others, which takes long."""
    match rng.integers(5):
        case 0:
            yield from client.compute(job(1000))
        case 1:
            yield from client.server.compute(job(1000))
        case 2:
            yield from client.upload(1000, "x")
        case 3:
            yield from world.together(pause(world, 1000), client.download(1000, "x"))
        case 4:
            other = others[rng.integers(len(others))]
            yield from client.site.send(other.site, 1000, "x")


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("crossing", [False, True], ids=["own device only", "with devices of others"])
def test_those_that_need_a_site_are_those_that_a_look_at_all_finds(seed: int, crossing: bool) -> None:
    rng, world = np.random.default_rng(seed), tiny(slots=4)
    clients = [device(world, f"phone-{number}", up=1, down=1) for number in range(12)]
    found: list[tuple[list[Process], list[Process]]] = []

    def of_nobody() -> Steps:
        yield from world.send(world.server, clients[0].site, 1000, "x")

    def driver() -> Steps:
        for client in clients:
            world.start(busy(world, client, rng, clients if crossing else [client]), client)
        world.start(of_nobody())
        yield from pause(world, 1)
        sites = [client.site for client in clients] + [world.server]
        found.extend((world.processes.ended_by_leaving(site), needing(world, site)) for site in sites)

    world.run(driver())
    assert all(ended == expected for ended, expected in found)
    assert any(ended for ended, _ in found)


@pytest.mark.parametrize("crossing", [False, True], ids=["own device only", "with devices of others"])
def test_a_device_that_leaves_has_only_the_processes_looked_at_that_use_it(
    crossing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looks(devices: int) -> int:
        world, asked = tiny(), []
        clients = [device(world, f"phone-{number}", up=1, down=1) for number in range(devices)]
        needs = Process.needs

        def driver() -> Steps:
            for client, neighbour in zip(clients, [*clients[1:], clients[0]], strict=True):
                sent = client.site.send(neighbour.site, 1000, "x") if crossing else client.upload(1000, "x")
                world.start(sent, client)
            yield from pause(world, 1)
            with monkeypatch.context() as patch:
                patch.setattr(Process, "needs", lambda self, site: asked.append(self) or needs(self, site))
                clients[0].site.leave()

        world.run(driver())
        return len(asked)

    assert looks(100) == looks(5)


def test_a_process_that_is_over_keeps_nothing_but_its_value_while_its_handle_is_kept() -> None:
    world = tiny()
    client = device(world)
    found = []

    def turn() -> Steps:
        yield from client.compute(job(1))
        return 5

    def driver() -> Steps:
        handle = world.start(turn(), client)
        generator = weakref.ref(handle.process.steps)
        yield from pause(world, 0.5)
        found.append(generator() is None)
        yield from pause(world, 2)
        gc.collect()
        found.append(generator() is None)
        return (yield from handle)

    assert world.run(driver()) == 5
    assert found == [False, True]


def test_a_store_of_the_server_is_weighed_once_for_all_who_end_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    world, weighed = tiny(), []
    clients = [device(world, f"phone-{number}") for number in range(50)]
    weigh = type(world.server).weigh
    monkeypatch.setattr(type(world.server), "weigh", lambda self: weighed.append(self.name) or weigh(self))

    def driver() -> Steps:
        with world.round(1, clients):
            yield from pause(world, 1)

    world.run(driver())
    assert sorted(weighed) == sorted(["server", *(client.name for client in clients)])


def test_an_idle_site_opens_no_service_and_no_store() -> None:
    world = tiny()
    client, other = device(world, "a"), device(world, "b")

    def driver() -> Steps:
        with world.round(1, [client]):
            yield from client.compute(job(1))

    world.run(driver())
    assert (other.site._service, other.site._stores) == (None, None)
    assert client.site._service is None, "it was given back"
    assert client.site.memory.peak_bytes == 0
