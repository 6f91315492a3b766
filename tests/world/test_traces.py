"""Whole traces of tiny worlds, compared with what a pencil says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from simulator.accounting.costs import Cost, Work, work
from simulator.accounting.ledger import EngagementRow, RoundRow, TransferRow, WorkRow
from simulator.world.clients import Client
from simulator.world.hardware import Hardware
from simulator.world.network import Link
from simulator.world.sites import Site
from tests.helpers.worlds import INF, Steps, device, job, pause, rows, served, tiny


def test_a_work_takes_its_flops_over_the_rate_and_its_value_is_the_result() -> None:
    world = tiny()
    client = device(world)
    assert world.run(client.compute(job(3, lambda x: 2 * x, name="double"), 21)) == 42
    assert list(rows(world)) == [WorkRow("a", None, "double", "", 0, 0.0, 0.0, 3.0, 3, 0)]


@pytest.mark.parametrize(("flops", "touched", "seconds"), [(300, 10, 3.0), (100, 80, 8.0), (0, 0, 0.0)])
def test_the_roofline_takes_the_slower_of_arithmetic_and_memory(flops: int, touched: int, seconds: float) -> None:
    world = tiny()
    site = Site(world, "device", Hardware(flops_per_s=100, memory_bandwidth=10))
    world.run(site.compute(Work(lambda: None, lambda: Cost(flops, touched), name="job")))
    assert list(rows(world)) == [WorkRow("device", None, "job", "", 0, 0.0, 0.0, seconds, flops, touched)]


def test_a_transfer_pays_latency_first_and_then_bytes_over_the_rate() -> None:
    world = tiny()
    client = device(world, up=4, latency=0.5)
    assert world.run(client.upload(10, "model")) == 10
    assert list(rows(world)) == [TransferRow("a", "server", None, "model", "", 0, 0.0, 3.0, 10, 0, 0.5)]


def test_download_uses_the_downlink_and_upload_the_uplink() -> None:
    world = tiny()
    client = device(world, up=1, down=5)

    def both() -> Steps:
        yield from client.download(10, "down")
        yield from client.upload(10, "up")

    world.run(both())
    assert [(row.source, row.target, row.start, row.seconds) for row in world.ledger.transfers] == [
        ("server", "a", 0.0, 2.0),
        ("a", "server", 2.0, 10.0),
    ]


def test_latencies_of_all_links_of_the_path_add() -> None:
    world = tiny()
    source = Site(world, "source", Hardware(1.0), uplink=Link("up", 2, latency=1))
    target = Site(world, "target", Hardware(1.0), downlink=Link("down", 5, latency=3))
    world.run(source.send(target, 8, "x"))
    (row,) = world.ledger.transfers
    assert (row.seconds, row.latency) == (1 + 3 + 8 / 2, 4)


def test_one_round_of_two_clients_is_what_a_pencil_says() -> None:
    """a: download 0-4, compute 4-7, upload 7-9; b: 0-1, 1-6, 6-6.5; the server then serves each for one second."""
    world = tiny()
    a, b = device(world, "a", up=2, down=1), device(world, "b", up=8, down=4)

    def turn(client: Client, seconds: int) -> Steps:
        yield from client.download(4, "model")
        with world.phase("training"):
            yield from client.compute(job(seconds, name="train"))
        yield from client.upload(4, "model")
        yield from client.server.compute(job(1, name="step"))
        return client.name

    def driver() -> Steps:
        with world.round(1, [a, b]):
            return (yield from world.together(world.start(turn(a, 3), a), world.start(turn(b, 5), b)))

    assert world.run(driver()) == ["a", "b"]
    assert list(rows(world)) == [
        WorkRow("b", "b", "train", "training", 1, 1.0, 1.0, 5.0, 5, 0),
        WorkRow("a", "a", "train", "training", 1, 4.0, 4.0, 3.0, 3, 0),
        WorkRow("server", "b", "step", "", 1, 6.5, 6.5, 1.0, 1, 0),
        WorkRow("server", "a", "step", "", 1, 9.0, 9.0, 1.0, 1, 0),
        TransferRow("server", "b", "b", "model", "", 1, 0.0, 1.0, 4, 0, 0.0),
        TransferRow("server", "a", "a", "model", "", 1, 0.0, 4.0, 4, 0, 0.0),
        TransferRow("b", "server", "b", "model", "", 1, 6.0, 0.5, 4, 0, 0.0),
        TransferRow("a", "server", "a", "model", "", 1, 7.0, 2.0, 4, 0, 0.0),
        EngagementRow("a", 1, 0.0, 10.0),
        EngagementRow("b", 1, 0.0, 10.0),
        RoundRow(1, 0.0, 10.0),
    ]


def test_asked_is_when_a_work_was_asked_for_and_start_when_it_was_served() -> None:
    world = tiny()

    def late() -> Steps:
        yield from pause(world, 1)
        yield from world.server.compute(job(2, name="late"))

    world.run(world.together(world.server.compute(job(5, name="early")), late()))
    assert [(row.work, row.asked, row.start) for row in world.ledger.works] == [("early", 0, 0), ("late", 1, 5)]


def test_a_bound_method_is_a_work_that_gets_its_owner_everywhere() -> None:
    class Scales:
        factor = 3

        @work(cost=lambda self, x: Cost(flops=self.factor * x), writes=lambda self, x: self)
        def times(self, x: int) -> int:
            return self.factor * x

    world, scales = tiny(), Scales()
    pair = [world.server.compute(scales.times, 2), world.server.compute(scales.times, 1)]
    assert world.run(world.together(*pair)) == [6, 3]
    assert served(world) == [("times", 0, 6), ("times", 6, 3)]


def test_costs_compose() -> None:
    forward, touch = Cost(10, 3, peak_bytes=7, kept_bytes=5), Cost(0, 4, peak_bytes=2, kept_bytes=-1)
    assert 2 * forward + touch == Cost(20, 10, peak_bytes=7, kept_bytes=9)


class FakePart:
    """Frozen weights by name; ``received``: what the device computes with from now on."""

    def __init__(self, **frozen: int) -> None:
        self.weights, self.frozen, self.received = frozen, list(frozen), {}

    def receive(self, installed: dict[str, Any]) -> None:
        self.received = {name: installed[name] for name in self.frozen}


def test_frozen_weights_are_installed_once_as_provisioning() -> None:
    world = tiny()
    client = device(world, down=1)
    head, tail = FakePart(embed=3, block=4), FakePart(block=4, norm=1)

    def twice() -> Steps:
        with world.phase("model exchange"):
            yield from client.install(head)
            yield from client.install(head, tail)
            yield from client.install(tail)
            yield from client.download(2, "model")

    world.run(twice())
    found = [(row.phase, row.kind, row.start, row.bytes) for row in world.ledger.transfers]
    assert found == [
        ("provisioning", "frozen weights", 0, 7),
        ("provisioning", "frozen weights", 7, 1),
        ("model exchange", "model", 8, 2),
    ]
    assert (head.received, tail.received) == ({"embed": 3, "block": 4}, {"block": 4, "norm": 1})


def test_preinstalled_weights_are_not_sent() -> None:
    world = tiny()
    client = Client(Site(world, "a", Hardware(1.0)), None, world.server, provisioning="preinstalled")
    world.run(client.install(FakePart(embed=3)))
    assert list(rows(world)) == []


def test_batches_are_keyed_by_purpose_turn_and_client() -> None:
    world = tiny()
    asked = []
    data = SimpleNamespace(batches=lambda key, epochs: iter([asked.append((key, epochs))]))
    client = Client(Site(world, "a", Hardware(1.0)), data, world.server)
    client.round_index = 4
    list(client.batches("train", epochs=2))
    assert asked == [(("train", 4, "a"), 2)]


@pytest.mark.parametrize(("rate", "latency"), [(0, 0), (-1, 0), (float("nan"), 0), (1, -1), (1, float("nan"))])
def test_an_impossible_link_is_refused_by_name(rate: float, latency: float) -> None:
    with pytest.raises(ValueError, match="'wifi up'"):
        Link("wifi up", rate, latency)


def test_an_infinite_link_takes_no_time() -> None:
    world = tiny()
    client = device(world, up=INF)
    world.run(world.together(*(client.upload(10**9, "x") for _ in range(3))))
    assert world.now == 0
