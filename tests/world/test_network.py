"""Links are shared fairly, at every clock, and no byte gets lost without being counted."""

from __future__ import annotations

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.world.network import FEW, Link, Network
from tests.helpers.fluid import Order, filling, pour
from tests.helpers.worlds import LATE, Steps, after, device, pause, sent, tiny

CLOCKS = pytest.mark.parametrize("start", [0.0, LATE])


def close(values: object, start: float = 0.0) -> object:
    """Near enough for a clock that starts there; a step of the late clock is 1.5e-8 s."""
    return pytest.approx(values, abs=1e-9 if start == 0 else 1e-6)


@CLOCKS
def test_two_flows_on_one_uplink_take_twice_as_long(start: float) -> None:
    world = tiny(start)
    client = device(world, up=4)
    world.run(world.together(client.upload(20, "x"), client.upload(20, "y")))
    assert [seconds for _, _, seconds, _, _ in sent(world)] == close([10, 10], start)


@CLOCKS
def test_one_flow_gets_the_slowest_link_of_its_path(start: float) -> None:
    world = tiny(start)
    client = device(world, up=10)
    world.server.downlink.bytes_per_s = 4
    world.run(client.upload(20, "x"))
    assert world.now - start == close(5, start)


@CLOCKS
def test_what_one_flow_cannot_use_the_others_get(start: float) -> None:
    """The server's port carries 10 B/s; a can send 2, so b and c get 4 each, and b 8 once c is done."""
    world = tiny(start)
    a, b, c = (device(world, name, up=up) for name, up in (("a", 2), ("b", 100), ("c", 100)))
    world.server.downlink.bytes_per_s = 10
    world.run(world.together(a.upload(20, "a"), b.upload(24, "b"), c.upload(8, "c")))
    assert {kind: seconds for kind, _, seconds, _, _ in sent(world)} == close({"a": 10, "b": 4, "c": 2}, start)


@CLOCKS
def test_a_flow_in_its_latency_takes_no_share(start: float) -> None:
    world = tiny(start)
    near, far = device(world, "near", up=9), device(world, "far", up=9, latency=3)
    world.server.downlink.bytes_per_s = 1
    world.run(world.together(near.upload(4, "near"), far.upload(1, "far")))
    assert {kind: seconds for kind, _, seconds, _, _ in sent(world)} == close({"near": 5, "far": 5}, start)


@CLOCKS
def test_both_directions_of_a_device_are_links_of_their_own(start: float) -> None:
    world = tiny(start)
    client = device(world, up=2, down=2)
    world.run(world.together(client.upload(8, "up"), client.download(8, "down")))
    assert world.now - start == close(4, start)


@CLOCKS
def test_a_stopped_flow_gives_its_share_to_the_others(start: float) -> None:
    """Each had sent 2 of its 10 bytes at 4 s; the other 8 then go at 1 B/s."""
    world = tiny(start)
    client = device(world, up=1)

    def driver() -> Steps:
        stopped = world.start(client.upload(10, "stopped"))
        other = world.start(client.upload(10, "other"))
        yield from pause(world, 4)
        stopped.stop()
        yield from other

    world.run(driver())
    assert sent(world) == [("stopped", 0, close(4, start), 2, 2), ("other", 0, close(12, start), 10, 0)]


@CLOCKS
def test_a_transfer_stopped_in_its_latency_never_enters(start: float) -> None:
    world = tiny(start)
    near, far = device(world, "near", up=9), device(world, "far", up=9, latency=3)
    world.server.downlink.bytes_per_s = 1

    def driver() -> Steps:
        stopped, other = world.start(far.upload(50, "stopped")), world.start(near.upload(8, "other"))
        yield from pause(world, 2)
        stopped.stop()
        yield from other

    world.run(driver())
    assert sent(world) == [("stopped", 0, close(2, start), 0, 0), ("other", 0, close(8, start), 8, 0)]
    assert [row.latency for row in world.ledger.transfers] == [close(2, start), 0]


@CLOCKS
def test_nothing_takes_its_latency_only(start: float) -> None:
    world = tiny(start)
    world.run(device(world, up=1, latency=2).upload(0, "nothing"))
    assert sent(world) == [("nothing", 0, close(2, start), 0, 0)]


@CLOCKS
def test_flows_that_are_shorter_than_a_step_of_the_clock_arrive(start: float) -> None:
    world = tiny(start)
    client = device(world, up=1e12)
    world.run(world.together(*(client.upload(size, "x") for size in range(1, 50))))
    assert world.now - start == close(sum(range(1, 50)) / 1e12, start)
    assert sum(row.bytes for row in world.ledger.transfers) == sum(range(1, 50))


def test_cancelling_what_has_arrived_loses_nothing() -> None:
    env = simpy.Environment()
    network = Network(env)
    flow = network.send([Link("up", 2.0)], 8)
    env.run()
    assert (env.now, network.cancel(flow), network.flows) == (4, 0.0, {})


rate = st.floats(0.5, 100)
topology = st.integers(1, 4).flatmap(
    lambda servers: st.tuples(
        st.lists(rate, min_size=1, max_size=5),
        st.lists(rate, min_size=servers, max_size=servers),
        st.lists(
            st.tuples(st.integers(0, 4), st.integers(0, servers - 1)),
            min_size=1,
            max_size=12,
        ),
    )
)


def named(up: list[float], down: list[float], pairs: list[tuple[int, int]]) -> tuple[dict[str, float], list]:
    capacity = {f"up {i}": value for i, value in enumerate(up)} | {f"down {i}": value for i, value in enumerate(down)}
    return capacity, [(f"up {i % len(up)}", f"down {j}") for i, j in pairs]


def rates_found(capacity: dict[str, float], paths: list[tuple[str, ...]], few: int = FEW) -> list[float]:
    network = Network(simpy.Environment(), few)
    links = {name: Link(name, value) for name, value in capacity.items()}
    flows = [network.send([links[name] for name in path], 1) for path in paths]
    return [network.rate(flow) for flow in flows]


@pytest.mark.parametrize("few", [0, FEW])
@settings(deadline=None, max_examples=150)
@given(drawn=topology)
def test_rates_are_those_of_progressive_filling(few: int, drawn: tuple) -> None:
    capacity, paths = named(*drawn)
    assert rates_found(capacity, paths, few) == pytest.approx(filling(capacity, paths), rel=1e-9)


@pytest.mark.parametrize("few", [0, FEW])
@settings(deadline=None, max_examples=100)
@given(drawn=topology)
def test_every_flow_has_a_full_link_on_which_nobody_is_faster(few: int, drawn: tuple) -> None:
    """The definition of max-min fairness; and no link carries more than it can."""
    capacity, paths = named(*drawn)
    rates = rates_found(capacity, paths, few)
    on = {link: [r for r, path in zip(rates, paths, strict=True) if link in path] for link in capacity}
    assert all(sum(on[link]) <= capacity[link] * (1 + 1e-9) for link in capacity)
    for mine, path in zip(rates, paths, strict=True):
        assert any(sum(on[link]) >= capacity[link] * (1 - 1e-9) and mine >= max(on[link]) * (1 - 1e-9) for link in path)


@pytest.mark.parametrize("few", [0, FEW])
def test_paths_of_three_links_are_filled_too(few: int) -> None:
    """A tree: a and b share a trunk of 6, c alone uses the rest of the server's 10."""
    capacity = {"a": 2.0, "b": 9.0, "c": 9.0, "trunk": 6.0, "server": 10.0}
    paths = [("a", "trunk", "server"), ("b", "trunk", "server"), ("c", "server")]
    assert rates_found(capacity, paths, few) == [2, 4, 4]


@pytest.mark.parametrize("few", [0, FEW])
@pytest.mark.parametrize("finite", ["up", "down"])
def test_infinite_links_do_not_confine(finite: str, few: int) -> None:
    capacity = {"up": float("inf"), "down": float("inf")} | {finite: 6.0}
    assert rates_found(capacity, [("up", "down")] * 3, few) == [2, 2, 2]


sending = st.tuples(
    st.integers(0, 3),  # who
    st.booleans(),  # up or down
    st.integers(1, 400),  # bytes
    st.integers(0, 40).map(lambda quarter: quarter / 4),  # when
    st.one_of(st.none(), st.integers(0, 200).map(lambda eighth: eighth / 8 + 0.0123456789)),  # stopped so much later
)


@CLOCKS
@settings(deadline=None, max_examples=150)
@given(
    rates=st.lists(st.integers(1, 50), min_size=8, max_size=8),
    ports=st.tuples(st.integers(1, 80), st.integers(1, 80)),
    latencies=st.lists(st.integers(0, 6).map(lambda quarter: quarter / 4), min_size=4, max_size=4),
    sendings=st.lists(sending, min_size=1, max_size=9),
)
def test_transfers_end_when_the_fluid_says_and_bytes_sent_are_received_or_lost(
    start: float, rates: list, ports: tuple, latencies: list, sendings: list
) -> None:
    world = tiny(start)
    clients = [device(world, str(i), rates[i], rates[i + 4], latencies[i]) for i in range(4)]
    world.server.downlink.bytes_per_s, world.server.uplink.bytes_per_s = ports
    arrived: dict[str, int] = {}

    def one(name: str, who: int, up: bool, size: int) -> Steps:
        verb = clients[who].upload if up else clients[who].download
        arrived[name] = yield from verb(size, name)

    def driver() -> Steps:
        handles = []
        for number, (who, up, size, when, stop) in enumerate(sendings):
            steps = one(str(number), who, up, size)
            handles.append(world.start(later(when, steps, stop)))
        yield from world.together(*handles)

    def later(when: float, steps: Steps, stop: float | None) -> Steps:
        yield from pause(world, when)
        handle = world.start(steps)
        if stop is not None:
            world.start(after(world, stop, handle.stop))
        yield from handle

    world.run(driver())

    capacity = {f"up {i}": rates[i] for i in range(4)} | {f"down {i}": rates[i + 4] for i in range(4)}
    capacity |= {"into": ports[0], "out of": ports[1]}
    orders = []
    for who, up, size, when, stop in sendings:
        path = (f"up {who}", "into") if up else ("out of", f"down {who}")
        orders.append(Order(path, size, when + latencies[who], when + (stop or 1e9)))
    fates = pour(capacity, orders)
    found = {row.kind: row for row in world.ledger.transfers}
    for number, (fate, (_, _, size, _, _)) in enumerate(zip(fates, sendings, strict=True)):
        row, name = found[str(number)], str(number)
        if fate.complete:
            assert (arrived[name], row.bytes, row.lost) == (size, size, 0)
        else:
            assert (row.bytes, row.lost) == (pytest.approx(fate.crossed, abs=0.501), row.bytes)  # whole bytes
        assert row.start + row.seconds - start == pytest.approx(fate.end, abs=1e-8 if start == 0 else 2e-5)
    crossed = sum(row.bytes for row in world.ledger.transfers)
    assert crossed == sum(arrived.values()) + sum(row.lost for row in world.ledger.transfers)
    assert not world.network.flows
