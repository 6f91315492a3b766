"""Rates that change while flows are under way: each byte moves at the rate of its moment, and a pause is no end."""

from __future__ import annotations

import itertools
import math

import pytest
import simpy

from simulator.world.network import Link, Network
from simulator.world.signals.sampled import Piecewise, Repeating
from simulator.world.standstill import StandstillError
from tests.helpers.worlds import LATE, Steps, device, factors, pause, sent, tiny

CLOCKS = pytest.mark.parametrize("start", [0.0, LATE])


def close(values: object, start: float = 0.0) -> object:
    return pytest.approx(values, abs=1e-9 if start == 0 else 1e-6)


@CLOCKS
def test_a_flow_goes_on_at_the_new_rate(start: float) -> None:
    """10 B/s for 2 s, then 5 B/s: 30 bytes take 2 + 10 / 5 s."""
    world = tiny(start)
    client = device(world, up=10)
    client.site.uplink.signal = factors(start, (0, 1), (2, 0.5))
    world.run(client.upload(30, "x"))
    assert world.now - start == close(4, start)


@CLOCKS
def test_a_flow_waits_while_the_rate_is_zero(start: float) -> None:
    world = tiny(start)
    client = device(world, up=10)
    client.site.uplink.signal = factors(start, (0, 1), (2, 0), (7, 1))
    world.run(client.upload(30, "x"))
    assert sent(world) == [("x", 0, close(8, start), 30, 0)]


@CLOCKS
def test_a_flow_can_enter_a_link_that_carries_nothing_yet(start: float) -> None:
    world = tiny(start)
    client = device(world, up=10)
    client.site.uplink.signal = factors(start, (0, 0), (3, 1))
    world.run(client.upload(10, "x"))
    assert world.now - start == close(4, start)


@CLOCKS
def test_what_a_paused_flow_cannot_use_the_others_get(start: float) -> None:
    """Both share 10 B/s; from 1 s to 3 s a is paused, and b has all of it."""
    world = tiny(start)
    a, b = device(world, "a", up=100), device(world, "b", up=100)
    world.server.downlink.bytes_per_s = 10
    a.site.uplink.signal = factors(start, (0, 1), (1, 0), (3, 1))
    world.run(world.together(a.upload(10, "a"), b.upload(30, "b")))
    assert {kind: seconds for kind, _, seconds, _, _ in sent(world)} == close({"b": 4, "a": 4}, start)


@CLOCKS
def test_a_change_comes_at_once_to_a_link_that_others_are_on(start: float) -> None:
    world = tiny(start)
    client = device(world, up=4)
    client.site.uplink.signal = factors(start, (0, 1), (5, 2))

    def driver() -> Steps:
        first = world.start(client.upload(28, "first"))
        yield from pause(world, 5)  # in the same moment, but before the change
        second = world.start(client.upload(8, "second"))
        yield from first
        yield from second

    world.run(driver())
    assert {kind: seconds for kind, _, seconds, _, _ in sent(world)} == close({"first": 7, "second": 2}, start)


def test_a_flow_that_ends_when_the_link_goes_has_arrived() -> None:
    world = tiny()
    client = device(world, up=10)
    client.site.uplink.signal = factors(0, (0, 1), (3, 0), (100, 1))
    world.run(client.upload(30, "x"))
    assert world.now == 3


def test_a_flow_that_ends_when_the_link_goes_has_arrived_even_if_the_change_comes_first() -> None:
    env = simpy.Environment()
    network, link = Network(env), Link("up", 10.0)
    env.timeout(3).callbacks.append(lambda _: network.set_rate(link, 0.0))
    flow = network.send([link], 30)
    env.run()
    assert (env.now, flow.done.triggered) == (3, True)


def test_a_flow_on_a_link_that_stays_at_zero_has_no_event() -> None:
    env = simpy.Environment()
    network, link = Network(env), Link("up", 10.0, signal=Piecewise([0, 2], [1, 0]))
    flow = network.send([link], 30)
    env.run()  # to the end: nothing is left that could happen
    assert (flow.done.triggered, network.left(flow)) == (False, 10)


def test_a_flow_that_another_link_holds_up_for_ever_has_no_event_either() -> None:
    """The uplink goes on changing, which changes nothing: a world in which nothing moves must come to an end."""
    env = simpy.Environment()
    up = Link("up", 10.0, signal=Repeating(2, [0, 1], [1, 0.5]))
    network, down = Network(env), Link("down", 10.0, signal=Piecewise([0, 4], [1, 0]))
    flow = network.send([up, down], 1000)
    env.run()  # to the end
    assert (flow.done.triggered, network.left(flow)) == (False, 1000 - 2 * (10 + 5))


def test_a_flow_goes_on_when_the_link_that_held_it_up_is_given_a_rate() -> None:
    env = simpy.Environment()
    up = Link("up", 10.0, signal=Repeating(2, [0, 1], [1, 0.5]))
    network, down = Network(env), Link("down", 10.0)
    flow = network.send([up, down], 30)
    env.timeout(1).callbacks.append(lambda _: network.set_rate(down, 0.0))
    env.timeout(7).callbacks.append(lambda _: network.set_rate(down, 10.0))
    env.run(flow.done)
    assert env.now == 10  # 10 bytes until 1 s, then 5 until 8 s, 10 until 9 s, and 5 until 10 s


def test_a_flow_that_can_move_is_served_beside_one_that_never_will() -> None:
    env = simpy.Environment()
    up = Link("up", 10.0, signal=Repeating(2, [0, 1], [1, 0.5]))
    network, down = Network(env), Link("down", 10.0, signal=Piecewise([0, 1], [1, 0]))
    stuck = network.send([up, down], 1000)
    env.run(100.5)
    other = network.send([up], 10)
    env.run(other.done)
    assert (env.now, stuck.done.triggered) == (102, False)  # 5 until 101 s, and 5 in the second after it


def test_a_stopped_flow_on_a_paused_link_has_sent_what_it_had() -> None:
    env = simpy.Environment()
    network, link = Network(env), Link("up", 10.0, signal=Piecewise([0, 2], [1, 0]))
    flow = network.send([link], 30)
    env.run(9)
    assert (network.cancel(flow), network.flows, link.flows) == (10, {}, {})


class Counted(Piecewise):
    """A signal that changes every second, and notes when its next change was asked for."""

    def __init__(self) -> None:
        super().__init__(range(1000), [1.0, 0.5] * 500)
        self.asked: list[float] = []

    def next_change(self, t: float) -> float:
        self.asked.append(t)
        return super().next_change(t)


def test_the_changes_of_a_link_without_flows_are_no_events() -> None:
    env = simpy.Environment()
    signal = Counted()
    network, link = Network(env), Link("up", 10.0, signal=signal)
    network.send([link], 14)  # ends at 1.8 s
    env.run(100)
    assert signal.asked == [0, 1]  # not at 2 s, although this change was expected
    network.send([link], 5)
    env.run(200)
    assert signal.asked == [0, 1, 100]


def test_the_rate_of_a_link_can_be_set_again_and_again() -> None:
    env = simpy.Environment()
    network, link = Network(env), Link("up", 10.0)
    flow = network.send([link], 100)
    for moment, rate in ((1, 0.0), (2, 5.0), (3, 5.0), (4, 80.0)):
        env.timeout(moment).callbacks.append(lambda _, rate=rate: network.set_rate(link, rate))
    env.run(flow.done)
    assert env.now == 5


@pytest.mark.parametrize("rate", [-1.0, math.nan])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="link 'up' cannot have"):
        Network(simpy.Environment()).set_rate(Link("up", 1.0), rate)


@pytest.mark.parametrize(("factor", "change"), [(-1.0, 5.0), (math.nan, 5.0), (1.0, 0.0), (1.0, math.nan)])
def test_a_signal_that_makes_no_sense_is_named_by_its_link(factor: float, change: float) -> None:
    class Wrong(Piecewise):
        def next_change(self, t: float) -> float:
            return change

    with pytest.raises(ValueError, match="link 'up'"):
        Network(simpy.Environment()).send([Link("up", 1.0, signal=Wrong([0], [factor]))], 10)


def test_a_link_without_a_limit_cannot_vary() -> None:
    with pytest.raises(ValueError, match="no limit that could vary"):
        Link("up", math.inf, signal=Piecewise([0, 1], [1, 2]))


def test_a_signal_that_never_changes_is_no_event() -> None:
    def events(signal: Piecewise | None) -> int:
        world = tiny()
        client = device(world, up=10)
        client.site.uplink.signal = signal
        count = itertools.count()
        step = world.env.step
        world.env.step = lambda: (next(count), step())[1]  # type: ignore[method-assign]
        world.run(world.together(*(client.upload(10, "x") for _ in range(3))))
        return next(count)

    assert events(Piecewise([0], [1])) == events(None) > 6


def test_a_transfer_that_will_never_end_is_named() -> None:
    world = tiny()
    client = device(world, up=10)
    client.site.uplink.signal = factors(0, (0, 1), (2, 0))
    world.server.downlink.bytes_per_s, world.server.downlink.nominal = 20.0, 20.0
    world.server.downlink.signal = Repeating(2, [0, 1], [1, 0.5])  # which changes for ever
    with pytest.raises(StandstillError, match="has waited since 0 s for a transfer from a to server to end"):
        world.run(world.together(client.upload(30, "x")))
