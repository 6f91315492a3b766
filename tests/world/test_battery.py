"""Batteries: what they give, when a device leaves and comes back, and that they count what the ledger counts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.accounting.power import Power
from simulator.accounting.usage import uses
from simulator.world.battery import Battery, Charging
from simulator.world.clients import Client
from simulator.world.standstill import StandstillError
from simulator.world.timetable import Timetable, daily
from simulator.world.world import World
from tests.helpers.worlds import LATE, Steps, device, job, pause, tiny

WATTS = Power(idle=1, compute=5, upload=4, download=3)


def metered(world: World, client: Client) -> float:
    """The joules of a device, as the ledger has them."""
    power = {site.name: site.hardware.power for site in world.sites}
    found = uses(world.ledger, power, [c.name for c in world.clients], world.start_time, world.now)
    return sum(use.energy_j for use in found if use.site == client.name)


def one_round(world: World, client: Client, *steps: Steps) -> Steps:
    with world.round(1, [client]):
        yield from world.together(world.start(world.together(*steps), client))


def absences(world: World) -> list[tuple[str, float, float, str]]:
    return [tuple(row) for row in world.ledger.absences]


def levels(world: World) -> list[tuple[float, float, str]]:
    return [(row.at, round(row.level, 9), row.cause) for row in world.ledger.charges]


def test_a_device_leaves_in_the_middle_of_a_work_when_its_battery_is_down_to_the_reserve() -> None:
    """It computes at 5 W and has 100 J x (0.8 - 0.3) until its reserve: 10 s of the 12 s that the work takes."""
    world = tiny()
    client = device(world, power=WATTS)
    battery = Battery(client.site, 100, start=0.8, reserve=0.3)
    world.run(one_round(world, client, client.compute(job(12, name="train"))))
    (work,) = world.ledger.works
    assert (work.seconds, work.flops, work.lost, work.reason) == (10, 10, True, "battery")
    assert levels(world) == [(0, 0.8, "start"), (10, 0.3, "battery"), (10, 0.3, "end")]
    assert battery.drawn == metered(world, client) == 50
    assert client.site.absent_for == {"battery": None}


def test_a_device_that_waits_in_a_round_draws_idle_watts() -> None:
    world = tiny()
    client = device(world, power=WATTS)
    Battery(client.site, 100, start=1)
    world.run(one_round(world, client, pause(world, 30)))
    assert client.site.battery is not None
    assert client.site.battery.level == pytest.approx(0.7)


def test_a_device_that_takes_no_part_draws_nothing_but_the_drain() -> None:
    world = tiny()
    idle, drained = device(world, "a", power=WATTS), device(world, "b", power=WATTS)
    first, second = Battery(idle.site, 100, start=0.5), Battery(drained.site, 100, start=0.5, drain=0.2)
    world.run(pause(world, 100))
    assert (first.level, second.level) == (0.5, pytest.approx(0.3))
    assert second.drawn == 0


def test_latency_draws_nothing_and_an_upload_draws_its_watts() -> None:
    """2 s of latency and 10 s of sending: 12 s of idle, 10 s of the 3 W that sending takes more."""
    world = tiny()
    client = device(world, up=1, latency=2, power=WATTS)
    battery = Battery(client.site, 100, start=1)
    world.run(one_round(world, client, client.upload(10, "x")))
    assert battery.drawn == pytest.approx(12 + 30)


def test_two_uploads_at_once_draw_the_watts_of_one_and_two_slots_those_of_two() -> None:
    world = tiny()
    client = device(world, up=1, slots=2, power=WATTS)
    battery = Battery(client.site, 1000, start=1)
    both = [client.upload(5, "x"), client.upload(5, "y"), client.compute(job(10)), client.compute(job(10))]
    world.run(one_round(world, client, *both))
    assert battery.drawn == pytest.approx(10 * (1 + 3 + 2 * 4))


def test_an_empty_device_comes_back_when_it_is_charged_to_its_level() -> None:
    """At the reserve of 10 J after 10 s, and then 2 W until it has 30 J."""
    world = tiny()
    client = device(world, power=WATTS)
    Battery(client.site, 100, start=0.4, reserve=0.1, resume=0.3, charging=Charging(2))

    def work() -> Steps:
        yield from one_round(world, client, client.compute(job(30)))
        yield from world.await_return([client.site], "more")

    world.run(work())
    assert levels(world) == [(0, 0.4, "start"), (10, 0.1, "battery"), (20, 0.3, "back"), (20, 0.3, "end")]
    assert absences(world) == [("a", 10, 10, "battery")]


def test_a_device_is_charged_only_while_it_is_plugged_in() -> None:
    """Empty at 8 s; plugged in from 10 to 13 s of each 20 s with 4 W, it has 36 J after 3 x 3 s: at 53 s."""
    world = tiny()
    client = device(world, power=WATTS)
    plugged = Timetable([(10, 13)], 20)
    Battery(client.site, 100, start=0.4, resume=0.36, charging=Charging(4, plugged))

    def work() -> Steps:
        yield from one_round(world, client, client.compute(job(30)))
        yield from world.await_return([client.site], "more")

    world.run(work())
    assert absences(world) == [("a", 8, pytest.approx(45), "battery")]


def test_a_device_that_is_charged_at_night_goes_on_every_morning() -> None:
    world = tiny()
    client = device(world, power=WATTS)
    Battery(client.site, 36_000, start=0.5, resume=0.9, charging=Charging(2, daily(22 * 3600, 6 * 3600)))

    def work() -> Steps:
        for _ in range(3):
            yield from one_round(world, client, client.compute(job(100_000)))
            yield from world.await_return([client.site], "more")

    world.run(work())
    backs = [at / 3600 % 24 for at, _, cause in levels(world) if cause == "back"]
    assert len(backs) == 3
    assert all(hour >= 22 or hour <= 6 for hour in backs)


@pytest.mark.parametrize(("only_unused", "level"), [(True, 0.5), (False, 0.7)])
def test_a_device_may_be_charged_only_while_it_is_unused(only_unused: bool, level: float) -> None:
    """10 s of computing at 5 W with 2 W of charging, or without."""
    world = tiny()
    client = device(world, power=WATTS)
    battery = Battery(client.site, 100, start=1, charging=Charging(2, only_unused=only_unused))
    world.run(one_round(world, client, client.compute(job(10))))
    assert battery.level == pytest.approx(level)


def test_a_battery_is_never_more_than_full() -> None:
    world = tiny()
    battery = Battery(device(world).site, 10, start=0.5, charging=Charging(1))
    world.run(pause(world, 100))
    assert battery.level == 1


def test_a_device_whose_battery_is_down_at_the_start_is_away_from_the_start() -> None:
    world = tiny()
    client = device(world)
    Battery(client.site, 10, start=0.1, reserve=0.1, resume=0.2, charging=Charging(1))
    world.run(pause(world, 5))
    assert absences(world) == [("a", 0, pytest.approx(1), "battery")]


def test_a_device_that_the_drain_has_emptied_while_it_was_away_does_not_come_back_with_its_presence() -> None:
    world = tiny()
    client = device(world)
    Battery(client.site, 10, start=0.5, reserve=0.1, drain=1)
    client.site.leave("away")
    world.change(client.site, "away", 6, lambda: client.site.come_back("away"))
    world.run(pause(world, 20))
    assert client.site.absent_for == {"battery": None}


def test_a_world_of_empty_batteries_without_charging_is_told_by_name() -> None:
    world = tiny()
    client = device(world, "phone", power=WATTS)
    Battery(client.site, 10, start=1)

    def work() -> Steps:
        yield from one_round(world, client, client.compute(job(30)))
        yield from world.await_return([client.site], "next cohort")

    with pytest.raises(StandstillError, match=r"phone \(battery\) to be back \(next cohort\)"):
        world.run(work())


def test_a_battery_that_is_charged_for_ever_does_not_keep_a_world_alive_in_which_nothing_happens() -> None:
    world = tiny()
    client = device(world)
    Battery(client.site, 10, start=0.5, charging=Charging(1, Timetable([(1, 2)], 3)))
    with pytest.raises(StandstillError, match="an item in a buffer that nobody fills"):
        world.run(world.buffer(1).get())


def test_most_changes_of_what_a_device_draws_cost_no_event() -> None:
    """A thousand works of a second, with pauses between: a look now and then is enough."""
    world = tiny()
    client = device(world, power=WATTS)
    Battery(client.site, 1e6, start=1)
    planned = []
    change = world.change
    world.change = lambda *args: (planned.append(args[2]), change(*args))  # type: ignore[method-assign, func-returns-value]

    def work() -> Steps:
        for _ in range(1000):
            yield from client.compute(job(1))
            yield from pause(world, 1)

    world.run(work())
    assert len(planned) < 20


verbs = st.lists(
    st.tuples(st.sampled_from(["compute", "upload", "download", "serve", "wait"]), st.integers(0, 9)), max_size=7
)
quarters = st.integers(1, 120).map(lambda quarter: quarter / 4)
kinds = st.fixed_dictionaries(
    {
        "capacity": st.floats(20, 400),
        "start": st.floats(0, 1),
        "reserve": st.sampled_from([0.0, 0.1, 0.3]),
        "resume": st.floats(0.31, 1),
        "charging": st.none()
        | st.builds(
            Charging,
            st.floats(0.1, 20),
            st.none() | st.just(Timetable([(3.0, 11.0), (20.0, 22.0)], 25.0)),
            st.booleans(),
        ),
        "drain": st.sampled_from([0.0, 0.0, 0.05]),
    }
)
plans = st.lists(
    st.tuples(verbs, verbs, kinds, st.none() | st.tuples(quarters, quarters), st.booleans()), min_size=1, max_size=4
)


def play(start: float, plans: list[Any], deadline: float) -> tuple[World, list[tuple[float, float]]]:
    """Three rounds of devices with batteries, which may also leave; the value has the levels now and then seen."""
    world = tiny(start, slots=2, power=WATTS)
    world.server.downlink.bytes_per_s, world.server.uplink.bytes_per_s = 2, 3
    seen = []
    clients = []
    for number, (_, _, kind, _, _) in enumerate(plans):
        client = device(
            world, f"{number}", up=1 + number, down=2 + number, latency=number / 8, slots=1 + number % 2, power=WATTS
        )
        Battery(client.site, **kind)
        clients.append(client)

    def one(client: Client, steps: list[tuple[str, int]]) -> Steps:
        for verb, amount in steps:
            if verb == "compute":
                yield from client.compute(job(amount))
            elif verb == "serve":
                yield from client.server.compute(job(amount))
            elif verb == "wait":
                yield from pause(world, amount)
            else:
                yield from getattr(client, verb)(amount, verb)
            seen.append((client.site.battery.level, client.site.battery.reserve))

    def absence(site: Any, leaves: float, stays_away: float) -> Steps:
        yield from pause(world, leaves + 1 / 64)
        site.leave("away")
        yield from pause(world, stays_away)
        site.come_back("away")

    def driver() -> Steps:
        for client, (_, _, _, leave, _) in zip(clients, plans, strict=True):
            if leave:
                world.start(absence(client.site, *leave))
        for number in (1, 2, 3):
            cohort = [client for client in clients if client.site.away_since is None]
            turns = [world.together(*(one(c, steps) for steps in plans[int(c.name)][:2])) for c in cohort]
            shared = [client for client in cohort if plans[int(client.name)][4]]
            with world.round(number, cohort):
                jobs = [world.start(turn, client) for client, turn in zip(cohort, turns, strict=True)]
                if shared:
                    jobs.append(world.start(world.broadcast(world.server, shared, 5, "broadcast")))
                yield from world.together(*jobs, within=deadline + 1 / 128)
            yield from pause(world, 7)

    world.run(driver())
    return world, seen


@pytest.mark.parametrize(("start", "apart"), [(0.0, 1e-9), (LATE, 1e-6)])
@settings(deadline=None, max_examples=150)
@given(plans=plans, deadline=quarters)
def test_a_battery_gives_what_the_ledger_counts(start: float, apart: float, plans: list[Any], deadline: float) -> None:
    """The clock's smallest step late in time is 1.5e-8 s, which is what the energies of works are apart then."""
    world, _ = play(start, plans, deadline)
    for client in world.clients:
        assert client.site.battery is not None
        assert client.site.battery.drawn == pytest.approx(metered(world, client), rel=apart, abs=apart)


@settings(deadline=None, max_examples=150)
@given(plans=plans, deadline=quarters)
def test_a_level_is_between_the_reserve_and_full_unless_the_drain_takes_more(plans: list[Any], deadline: float) -> None:
    world, seen = play(0.0, plans, deadline)
    drained = {client.name for client, plan in zip(world.clients, plans, strict=True) if plan[2]["drain"]}
    below = {client.name for client in world.clients if plans[int(client.name)][2]["start"] <= 0.3}
    reserves = {client.name: plans[int(client.name)][2]["reserve"] for client in world.clients}
    assert all(reserve - 1e-9 <= level <= 1 for level, reserve in seen)
    for row in world.ledger.charges:
        assert 0 <= row.level <= 1
        if row.site not in drained | below:
            assert row.level >= reserves[row.site] - 1e-9


@settings(deadline=None, max_examples=100)
@given(plans=plans, deadline=quarters)
def test_a_level_is_the_start_less_what_was_drawn_where_nothing_else_changes_it(
    plans: list[Any], deadline: float
) -> None:
    plain = [(*plan[:2], {**plan[2], "charging": None, "drain": 0.0}, *plan[3:]) for plan in plans]
    world, _ = play(0.0, plain, deadline)
    for client, (_, _, kind, _, _) in zip(world.clients, plain, strict=True):
        battery = client.site.battery
        assert battery is not None
        assert battery.level == pytest.approx(kind["start"] - battery.drawn / kind["capacity"], abs=1e-9)
