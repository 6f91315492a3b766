"""Many flows at once: as a closed form and the general way of sharing say, and without looking at all for each."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import numpy as np
import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.world.flows.crowd import Crowd, Tangle
from simulator.world.flows.upcoming import Upcoming
from simulator.world.network import Flow, Link, Network
from tests.helpers.water import Pour, ends, level
from tests.helpers.worlds import LATE


def drawn(seed: int, flows: int) -> tuple[list[Pour], float]:
    """Draw flows through one port, with ties: equal caps, equal sizes, none at all, and several at one moment."""
    chance = random.Random(seed)
    caps = [chance.uniform(0.5, 20) for _ in range(3)]
    pours = []
    for _ in range(flows):
        enter = chance.choice([0.0, 1.0, chance.uniform(0, 30)])
        size = chance.choice([0, 40, chance.randint(1, 400)])
        cap = chance.choice([*caps, chance.uniform(0.5, 20)])
        stop = chance.choice([math.inf, math.inf, enter + chance.uniform(0.1, 40)])
        pours.append(Pour(enter, size, cap, stop))
    return pours, chance.choice([0.2, 1.0, 3.0]) * flows * chance.uniform(0.5, 10)


def found(pours: list[Pour], capacity: float, start: float, few: int) -> list[tuple[float, float]]:
    """Send the flows, each over a link of its own and the port; return when each ended, and what was left."""
    env = simpy.Environment(start)
    network, port = Network(env, few), Link("port", capacity)
    outcomes: list[tuple[float, float]] = [(math.nan, math.nan)] * len(pours)

    def one(number: int, pour: Pour) -> Iterator[simpy.Event]:
        flow = network.send([Link(f"own {number}", pour.cap), port], pour.size, after=pour.enter)
        yield flow.done | env.timeout(pour.stop) if pour.stop < math.inf else flow.done
        outcomes[number] = env.now - start, network.cancel(flow)

    for number, pour in enumerate(pours):
        env.process(one(number, pour))  # type: ignore[arg-type]
    env.run()
    assert not network.flows
    assert not port.flows
    return outcomes


@pytest.mark.parametrize("start", [0.0, LATE])
@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**9), flows=st.integers(2, 60))
def test_flows_through_a_port_end_when_water_filling_says(start: float, seed: int, flows: int) -> None:
    pours, capacity = drawn(seed, flows)
    _compare(found(pours, capacity, start, few=0), ends(pours, capacity), start)


@pytest.mark.parametrize("start", [0.0, LATE])
@pytest.mark.parametrize("flows", [200, 2000])
def test_two_thousand_flows_end_when_water_filling_says(flows: int, start: float) -> None:
    pours, capacity = drawn(flows, flows)
    _compare(found(pours, capacity, start, few=64), ends(pours, capacity), start)


def _compare(outcomes: list[tuple[float, float]], expected: list[tuple[float, float]], start: float) -> None:
    near = {"rel": 1e-9, "abs": 1e-9} if start == 0 else {"abs": 1e-5}
    assert [end for end, _ in outcomes] == pytest.approx([end for end, _ in expected], **near)
    late = {"abs": 1e-6 if start == 0 else 1e-3}
    assert [left for _, left in outcomes] == pytest.approx([left for _, left in expected], **late)


@pytest.mark.parametrize("flows", [2, 100, 2000])
def test_rates_at_a_port_are_those_of_water_filling(flows: int) -> None:
    chance = random.Random(flows)
    caps = [chance.choice([1.0, 2.0, chance.uniform(0, 9)]) for _ in range(flows)]
    network, port = Network(simpy.Environment(), few=0), Link("port", flows * 1.5)
    sent = [network.send([port, Link(f"own {number}", cap)], 10**6) for number, cap in enumerate(caps)]
    equal = level(np.array(caps), port.bytes_per_s)
    assert [network.rate(flow) for flow in sent] == pytest.approx([min(cap, equal) for cap in caps], rel=1e-9)


def test_two_flows_of_one_device_share_its_link_and_the_crowded_port_with_all_others() -> None:
    """The device's 3 B/s are shared by two; the port's 10 are 1.5 + 1.5 for these, and 3.5 for each of the others."""
    network, port, twin = Network(simpy.Environment(), few=0), Link("port", 10.0), Link("twin", 3.0)
    paths = [[twin, port], [twin, port], [Link("b", 9.0), port], [Link("c", 9.0), port]]
    sent = [network.send(path, 1000) for path in paths]
    assert [network.rate(flow) for flow in sent] == [1.5, 1.5, 3.5, 3.5]
    network.cancel(sent[0])
    assert [network.rate(flow) for flow in sent[1:]] == pytest.approx([3.0, 3.5, 3.5])


@pytest.mark.parametrize("crowded", [True, False])
def test_entries_in_queues_grow_with_the_number_of_flows(crowded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """10,000 flows begin at one moment and are stopped at another: each costs as many entries as each of 1,000."""
    counted = [0]
    push = Upcoming.push

    def counting(queue: Upcoming, key: float, one: object) -> None:
        counted[0] += 1
        push(queue, key, one)

    monkeypatch.setattr(Upcoming, "push", counting)
    per_flow = []
    for flows in (1_000, 10_000):
        counted[0] = 0
        env = simpy.Environment()
        network, port = Network(env), Link("port", flows * (0.5 if crowded else 100.0))
        sent = [network.send([Link(f"own {n}", 1 + n % 7), port], 1000) for n in range(flows)]
        env.run(until=3)
        for flow in sent:
            network.cancel(flow)
        assert not network.flows
        per_flow.append(counted[0] / flows)
    assert per_flow[1] <= 1.1 * per_flow[0] <= 15


def test_twins_of_very_many_devices_cost_no_more_than_single_flows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each device has three flows through the port, one after the other: what is looked at for each does not grow."""
    looked = [0]
    place = Crowd._place

    def counting(crowd: Crowd, flow: Flow) -> None:
        looked[0] += 1
        place(crowd, flow)

    monkeypatch.setattr(Crowd, "_place", counting)
    per_flow = []
    for devices in (100, 1_000):
        looked[0] = 0
        env = simpy.Environment()
        network, port = Network(env, few=0), Link("port", devices * 0.5)
        own = [Link(f"own {n}", 1 + n % 7) for n in range(devices)]
        for _ in range(3):
            for link in own:
                network.send([link, port], 100)
            env.run(until=env.now + 1)
        env.run()
        assert not network.flows
        per_flow.append(looked[0] / (3 * devices))
    assert per_flow[1] <= 1.1 * per_flow[0] <= 6


def test_twins_that_get_company_of_another_path_share_as_max_min_says() -> None:
    """Two twins have 1 B/s each of their device's 2; with a third flow to elsewhere each of the three has 2/3."""
    network, port = Network(simpy.Environment(), few=0), Link("port", 10.0)
    own, elsewhere = Link("own", 2.0), Link("elsewhere", 9.0)
    sent = [network.send([own, port], 1000) for _ in range(2)]
    assert [network.rate(flow) for flow in sent] == [1.0, 1.0]
    other = network.send([own, elsewhere], 1000)
    assert [network.rate(flow) for flow in [*sent, other]] == pytest.approx([2 / 3] * 3)
    network.cancel(other)
    assert [network.rate(flow) for flow in sent] == pytest.approx([1.0, 1.0])
    network.cancel(sent[0])
    assert network.rate(sent[1]) == 2.0


def test_alarms_do_not_pile_up_as_flows_begin() -> None:
    env = simpy.Environment()
    network, port = Network(env), Link("port", 100.0)
    for number in range(2000):
        network.send([Link(f"own {number}", 1.0), port], 1000)
    assert len(env._queue) < 200


def test_a_crowd_that_has_gone_leaves_room_for_few_again() -> None:
    """After the crowd, two flows share as ever: 10 bytes each at 5 B/s."""
    env = simpy.Environment()
    network, port = Network(env, few=3), Link("port", 10.0)
    for number in range(5):
        network.send([Link(f"own {number}", 9.0), port], 10)
    env.run()
    assert env.now == pytest.approx(5)
    for number in range(2):
        network.send([Link(f"own {number}", 9.0), port], 10)
    env.run()
    assert env.now == pytest.approx(7)


def test_what_happens_in_one_tree_leaves_another_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two trees, each with a crowded trunk and port: a flow that joins the first is no event of the second."""
    network = Network(simpy.Environment(), few=0)
    trees = [[Link(f"trunk {tree}", 6.0), Link(f"port {tree}", 10.0)] for tree in "ab"]
    for trunk, port in trees:
        for number in range(3):
            network.send([Link(f"{trunk.name}, {number}", 9.0), trunk, port], 1000)
            network.send([Link(f"{port.name}, {number}", 9.0), port], 1000)
    settled: list[Tangle] = []
    settle = Tangle.settle

    def noting(tangle: Tangle) -> object:
        settled.append(tangle)
        return settle(tangle)

    monkeypatch.setattr(Tangle, "settle", noting)
    flow = network.send([Link("one more", 9.0), *trees[0]], 1000)
    assert network.rate(flow) == pytest.approx(10 / 7)
    assert len(settled) == 1
