"""Random flows over random links that vary, against an integration over time of their own."""

from __future__ import annotations

import itertools
import math
import random

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.world.network import FEW, Flow, Link, Network
from tests.helpers.fluid import Fate, Order, pour
from tests.helpers.worlds import LATE, Steps, factors

CLOCKS = pytest.mark.parametrize("start", [0.0, LATE])
SIZES = pytest.mark.parametrize("few", [0, 5, FEW])
"""All flows in a crowd, in both ways by turns, and all at once."""


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
@SIZES
@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 10**9))
def test_flows_over_links_with_signals_end_when_the_fluid_says(start: float, few: int, seed: int) -> None:
    capacity, orders, changes = drawn(seed)
    links = {}
    for name, rate in capacity.items():
        own = [(moment, new / rate) for moment, link, new in changes if link == name]
        links[name] = Link(name, rate, signal=factors(start, (0, 1), *own))
    network = Network(simpy.Environment(initial_time=start), few)
    compare(found(network, orders, links, start), pour(capacity, orders, changes), start)
    assert not network.flows


@CLOCKS
@SIZES
@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 10**9))
def test_flows_over_links_whose_rates_are_set_end_when_the_fluid_says(start: float, few: int, seed: int) -> None:
    capacity, orders, changes = drawn(seed)
    links = {name: Link(name, rate) for name, rate in capacity.items()}
    network = Network(simpy.Environment(initial_time=start), few)
    for moment, name, rate in changes:
        network.env.timeout(moment).callbacks.append(
            lambda _, link=links[name], rate=rate: network.set_rate(link, rate)
        )
    compare(found(network, orders, links, start), pour(capacity, orders, changes), start)


@SIZES
@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**9))
def test_no_link_ever_carries_more_than_it_can_and_no_paused_flow_moves(few: int, seed: int) -> None:
    capacity, orders, changes = drawn(seed)
    env = simpy.Environment()
    network, links = Network(env, few), {name: Link(name, rate) for name, rate in capacity.items()}
    for order in orders:
        network.send([links[name] for name in order.path], order.size, after=order.enter)
    for moment, name, rate in changes:
        env.timeout(moment).callbacks.append(lambda _, link=links[name], rate=rate: network.set_rate(link, rate))
    for _ in itertools.takewhile(lambda _: env.peek() < math.inf, itertools.repeat(None)):
        env.step()
        for link in links.values():
            assert sum(network.rate(flow) for flow in link.flows) <= link.bytes_per_s * (1 + 1e-9)
        for flow in network.flows:
            assert (network.rate(flow) == 0) == any(link.bytes_per_s == 0 for link in flow.path)
