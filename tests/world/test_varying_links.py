"""Rates that change while flows are under way: each byte moves at the rate of its moment, and a pause is no end."""

from __future__ import annotations

import itertools
import math
import random

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.world.network import Flow, Link, Network
from simulator.world.signals.sampled import Piecewise, Repeating
from simulator.world.standstill import StandstillError
from tests.helpers.fluid import Fate, Order, pour
from tests.helpers.worlds import LATE, Steps, device, pause, sent, tiny

CLOCKS = pytest.mark.parametrize("start", [0.0, LATE])


def close(values: object, start: float = 0.0) -> object:
    return pytest.approx(values, abs=1e-9 if start == 0 else 1e-6)


def steps(start: float, *pairs: tuple[float, float]) -> Piecewise:
    """Factors from moments on, which count from the start of a clock."""
    return Piecewise([start + moment for moment, _ in pairs], [factor for _, factor in pairs])


@CLOCKS
def test_a_flow_goes_on_at_the_new_rate(start: float) -> None:
    """10 B/s for 2 s, then 5 B/s: 30 bytes take 2 + 10 / 5 s."""
    world = tiny(start)
    client = device(world, up=10)
    client.site.uplink.signal = steps(start, (0, 1), (2, 0.5))
    world.run(client.upload(30, "x"))
    assert world.now - start == close(4, start)


@CLOCKS
def test_a_flow_waits_while_the_rate_is_zero(start: float) -> None:
    world = tiny(start)
    client = device(world, up=10)
    client.site.uplink.signal = steps(start, (0, 1), (2, 0), (7, 1))
    world.run(client.upload(30, "x"))
    assert sent(world) == [("x", 0, close(8, start), 30, 0)]


@CLOCKS
def test_a_flow_can_enter_a_link_that_carries_nothing_yet(start: float) -> None:
    world = tiny(start)
    client = device(world, up=10)
    client.site.uplink.signal = steps(start, (0, 0), (3, 1))
    world.run(client.upload(10, "x"))
    assert world.now - start == close(4, start)


@CLOCKS
def test_what_a_paused_flow_cannot_use_the_others_get(start: float) -> None:
    """Both share 10 B/s; from 1 s to 3 s a is paused, and b has all of it."""
    world = tiny(start)
    a, b = device(world, "a", up=100), device(world, "b", up=100)
    world.server.downlink.bytes_per_s = 10
    a.site.uplink.signal = steps(start, (0, 1), (1, 0), (3, 1))
    world.run(world.together(a.upload(10, "a"), b.upload(30, "b")))
    assert {kind: seconds for kind, _, seconds, _, _ in sent(world)} == close({"b": 4, "a": 4}, start)


@CLOCKS
def test_a_change_comes_at_once_to_a_link_that_others_are_on(start: float) -> None:
    world = tiny(start)
    client = device(world, up=4)
    client.site.uplink.signal = steps(start, (0, 1), (5, 2))

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
    client.site.uplink.signal = steps(0, (0, 1), (3, 0), (100, 1))
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


def drawn(seed: int) -> tuple[dict[str, float], list[Order], list[tuple[float, str, float]]]:
    """Draw links, flows over them, and changes of their rates, some of them to 0; no two things at one moment."""
    chance = random.Random(seed)
    links = [f"link {number}" for number in range(chance.randint(2, 6))]
    capacity = {link: chance.uniform(1, 50) for link in links}
    orders = [
        Order(
            tuple(chance.sample(links, chance.randint(1, min(3, len(links))))),
            chance.randint(1, 500),
            chance.uniform(0, 20),
            chance.choice([math.inf, math.inf, math.inf, chance.uniform(0, 60)]),
        )
        for _ in range(chance.randint(2, 30))
    ]
    changes = [
        (chance.uniform(0, 60), link, chance.choice([0.0, chance.uniform(0.1, 60)]))
        for link in links
        for _ in range(chance.randint(0, 8))
    ]
    changes += [(61 + number, link, 20.0) for number, link in enumerate(links)]  # so that all can end
    return capacity, orders, sorted(changes)


def found(network: Network, orders: list[Order], links: dict[str, Link], start: float) -> list[Fate]:
    """Send the flows of orders over a network, and return their fates."""
    fates = [Fate() for _ in orders]
    env = network.env

    def one(order: Order, fate: Fate) -> Steps:
        yield env.timeout(min(order.enter, order.stop))
        if order.stop <= order.enter:
            fate.end = env.now - start
            return
        flow: Flow = network.send([links[name] for name in order.path], order.size)
        if order.stop < math.inf:
            yield flow.done | env.timeout(order.stop - order.enter)
        else:
            yield flow.done
        fate.complete, fate.end = flow.done.triggered, env.now - start
        fate.crossed = order.size - network.cancel(flow)

    for order, fate in zip(orders, fates, strict=True):
        env.process(one(order, fate))
    env.run()
    return fates


def compare(fates: list[Fate], expected: list[Fate], start: float) -> None:
    near = {"rel": 1e-9, "abs": 1e-9} if start == 0 else {"abs": 1e-5}
    assert [fate.complete for fate in fates] == [fate.complete for fate in expected]
    assert [fate.end for fate in fates] == pytest.approx([fate.end for fate in expected], **near)
    assert [fate.crossed for fate in fates] == pytest.approx(
        [fate.crossed for fate in expected], abs=1e-7 if start == 0 else 1e-3
    )


@CLOCKS
@settings(deadline=None, max_examples=80)
@given(seed=st.integers(0, 10**9))
def test_flows_over_links_with_signals_end_when_the_fluid_says(start: float, seed: int) -> None:
    capacity, orders, changes = drawn(seed)
    links = {}
    for name, rate in capacity.items():
        own = [(moment, new / rate) for moment, link, new in changes if link == name]
        links[name] = Link(name, rate, signal=steps(start, (0, 1), *own))
    network = Network(simpy.Environment(initial_time=start))
    compare(found(network, orders, links, start), pour(capacity, orders, changes), start)
    assert not network.flows


@CLOCKS
@settings(deadline=None, max_examples=80)
@given(seed=st.integers(0, 10**9))
def test_flows_over_links_whose_rates_are_set_end_when_the_fluid_says(start: float, seed: int) -> None:
    capacity, orders, changes = drawn(seed)
    links = {name: Link(name, rate) for name, rate in capacity.items()}
    network = Network(simpy.Environment(initial_time=start))
    for moment, name, rate in changes:
        network.env.timeout(moment).callbacks.append(
            lambda _, link=links[name], rate=rate: network.set_rate(link, rate)
        )
    compare(found(network, orders, links, start), pour(capacity, orders, changes), start)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**9))
def test_no_link_ever_carries_more_than_it_can_and_no_paused_flow_moves(seed: int) -> None:
    capacity, orders, changes = drawn(seed)
    env = simpy.Environment()
    network, links = Network(env), {name: Link(name, rate) for name, rate in capacity.items()}
    for order in orders:
        network.send([links[name] for name in order.path], order.size, after=order.enter)
    for moment, name, rate in changes:
        env.timeout(moment).callbacks.append(lambda _, link=links[name], rate=rate: network.set_rate(link, rate))
    for _ in itertools.takewhile(lambda _: env.peek() < math.inf, itertools.repeat(None)):
        env.step()
        for link in links.values():
            assert sum(flow.rate for flow in link.flows) <= link.bytes_per_s * (1 + 1e-9)
        for flow in network.flows:
            assert (flow.rate == 0) == any(link.bytes_per_s == 0 for link in flow.path)


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
    client.site.uplink.signal = steps(0, (0, 1), (2, 0))
    world.server.downlink.bytes_per_s, world.server.downlink.nominal = 20.0, 20.0
    world.server.downlink.signal = Repeating(2, [0, 1], [1, 0.5])  # which changes for ever
    with pytest.raises(StandstillError, match="has waited since 0 s for a transfer from a to server to end"):
        world.run(world.together(client.upload(30, "x")))
