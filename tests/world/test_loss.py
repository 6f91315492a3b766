"""Bytes that are lost are sent again: they take time and energy, and stand in the ledger as lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.accounting.ledger import Ledger
from simulator.accounting.power import Power
from simulator.accounting.usage import uses
from simulator.settings.seeds import Seeds
from simulator.world.network import Link, crossing
from simulator.world.signals.sampled import Alternating, Piecewise
from tests.helpers.worlds import INF, Steps, after, device, pause, sent, tiny


def test_what_crosses_a_path_is_what_is_expected_until_all_has_arrived() -> None:
    up, down, sure = Link("up", 1.0, loss=0.2), Link("down", 1.0, loss=0.5), Link("sure", 1.0)
    assert [crossing(path, 1000) for path in ((), (sure,), (up,), (down,), (up, down), (up, sure))] == [
        *(1000, 1000, 1250, 2000, 2500, 1250)
    ]


@given(nbytes=st.integers(0, 10**15), losses=st.lists(st.floats(0, 0.99), max_size=3))
def test_no_fewer_bytes_cross_than_arrive(nbytes: int, losses: list[float]) -> None:
    through = crossing([Link("x", 1.0, loss=loss) for loss in losses], nbytes)
    assert through >= nbytes
    assert through > nbytes or not nbytes or all(loss * nbytes < 1 for loss in losses)


@pytest.mark.parametrize("loss", [-0.1, 1.0, float("nan")])
def test_a_link_must_let_something_through(loss: float) -> None:
    with pytest.raises(ValueError, match="cannot lose"):
        Link("up", 1.0, loss=loss)


def test_a_transfer_takes_as_long_as_all_its_bytes_and_the_receiver_has_its_own() -> None:
    world = tiny()
    client = device(world, up=10)
    client.site.uplink.loss, world.server.downlink.loss = 0.2, 0.5
    assert world.run(client.upload(100, "x")) == 100
    assert sent(world) == [("x", 0, 25, 250, 150)]


def test_a_transfer_that_is_stopped_has_lost_all_that_it_sent() -> None:
    world = tiny()
    client = device(world, up=10)
    client.site.uplink.loss = 0.5

    def driver() -> Steps:
        job = world.start(client.upload(100, "x"))
        world.start(after(world, 12, job.stop))
        yield from job

    world.run(driver())
    assert sent(world) == [("x", 0, 12, 120, 120)]


def test_a_transfer_of_nothing_loses_nothing() -> None:
    world = tiny()
    client = device(world, up=10)
    client.site.uplink.loss = 0.5
    world.run(client.upload(0, "x"))
    assert sent(world) == [("x", 0, 0, 0, 0)]


def test_a_broadcast_sends_again_what_each_downlink_lost() -> None:
    world = tiny()
    a, b = device(world, "a", down=10), device(world, "b", down=10)
    b.site.downlink.loss = 0.75
    world.run(world.broadcast(world.server, [a, b], 30, "rows"))
    assert sent(world) == [("rows", 0, 3, 30, 0), ("rows", 0, 12, 120, 90)]


def test_a_broadcast_waits_for_an_uplink_that_loses_bytes_of_its_own() -> None:
    """The uplink carries 60 bytes once, in 12 s; the rows count what crossed the downlinks."""
    world = tiny()
    world.server.uplink = Link("server up", 5.0, loss=0.5)
    clients = [device(world, "a"), device(world, "b")]
    received = world.run(world.broadcast(world.server, clients, 30, "rows"))
    assert list(received.values()) == [30, 30]
    assert sent(world) == [("rows", 0, 12, 30, 0)] * 2


def test_a_stopped_broadcast_counts_the_share_that_both_links_have_carried() -> None:
    """The uplink is the slower: after 6 of its 12 s, half of the 40 bytes of the downlink have come through."""
    world = tiny()
    world.server.uplink = Link("server up", 5.0, loss=0.5)
    client = device(world, down=INF)
    client.site.downlink.loss = 0.25

    def driver() -> Steps:
        job = world.start(world.broadcast(world.server, [client], 30, "rows"))
        world.start(after(world, 6, job.stop))
        yield from job

    world.run(driver())
    assert sent(world) == [("rows", 0, 6, 20, 20)]


@pytest.mark.parametrize(
    ("loss", "factors", "seconds"),
    [(0.0, [1.0], 10), (0.5, [1.0], 20), (0.0, [0.1], 100), (0.0, [1.0, 0.0, 1.0], 12), (0.5, [1.0, 0.0, 1.0], 22)],
)
def test_a_device_draws_the_watts_of_sending_until_the_last_byte_has_arrived(
    loss: float, factors: list[float], seconds: float
) -> None:
    """Also while its link carries nothing, from 3 s to 5 s: its radio is on, and waits."""
    world = tiny()
    client = device(world, up=10, power=Power(idle=2, compute=9, upload=5, download=3))
    client.site.uplink.loss = loss
    client.site.uplink.signal = Piecewise([0, 3, 5][: len(factors)], factors)
    world.run(client.upload(100, "x"))
    power = {site.name: site.hardware.power for site in world.sites}
    used = [use for use in uses(world.ledger, power, ["a"], 0, world.now) if use.site == "a"]
    assert sum(use.energy_j for use in used if use.activity == "upload") == pytest.approx((5 - 2) * seconds)
    assert sum(use.energy_j for use in used) == pytest.approx(5 * seconds)
    assert sum(use.bytes for use in used) == round(100 / (1 - loss))


sending = st.tuples(
    st.integers(0, 2),  # who
    st.booleans(),  # up or down
    st.integers(0, 400),  # bytes
    st.floats(0, 20),  # when
    st.one_of(st.none(), st.floats(0, 30)),  # stopped so much later
)


@settings(deadline=None, max_examples=80)
@given(
    seed=st.integers(0, 1000),
    losses=st.lists(st.one_of(st.just(0.0), st.floats(0, 0.9)), min_size=8, max_size=8),
    sendings=st.lists(sending, min_size=1, max_size=8),
)
def test_bytes_sent_are_received_or_lost_and_the_same_seed_has_the_same_digits(
    seed: int, losses: list[float], sendings: list[Any]
) -> None:
    def ran() -> Ledger:
        world, received = tiny(), []
        world.server.uplink, world.server.downlink = Link("server up", 90.0), Link("server down", 90.0)
        for number in range(3):
            device(world, str(number), up=20, down=30, latency=0.5)
        links = [link for site in world.sites for link in (site.uplink, site.downlink)]
        for link, loss in zip(links, losses, strict=True):
            link.loss = loss
            link.signal = Alternating((1.0, 0.0), (3.0, 1.0), Seeds(seed), link.name)

        def one(who: int, up: bool, size: int, when: float) -> Steps:
            yield from pause(world, when)
            client = world.clients[who]
            received.append((yield from (client.upload if up else client.download)(size, "x")))

        def driver() -> Steps:
            jobs = [world.start(one(*rest)) for *rest, _ in sendings]
            for job, (*_, when, stop) in zip(jobs, sendings, strict=True):
                if stop is not None:
                    world.start(after(world, when + stop, job.stop))
            yield from world.together(*jobs)

        world.run(driver())
        rows = list(world.ledger.transfers)
        assert sum(row.bytes for row in rows) == sum(received) + sum(row.lost for row in rows)
        assert all(0 <= row.lost <= row.bytes for row in rows)
        assert not world.network.flows
        return world.ledger

    assert ran() == ran()
