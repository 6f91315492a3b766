"""What holds in every world, whoever stops, leaves or comes back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.accounting.power import Power
from simulator.accounting.usage import uses
from simulator.world.clients import Client
from simulator.world.world import World
from tests.helpers.spans import length
from tests.helpers.worlds import LATE, Steps, device, job, pause, tiny

SLOTS = 2
WATTS = Power(idle=1, compute=5, upload=4, download=3)

verbs = st.lists(
    st.tuples(st.sampled_from(["compute", "upload", "download", "serve", "write"]), st.integers(0, 9)), max_size=7
)
quarters = st.integers(1, 120).map(lambda quarter: quarter / 4)
plans = st.lists(st.tuples(verbs, verbs, st.none() | st.tuples(quarters, quarters)), min_size=1, max_size=4)
moments = st.none() | st.tuples(quarters, quarters)


def play(start: float, plans: list[Any], server_away: Any, deadline: float) -> tuple[World, dict[str, int]]:
    """Two rounds. Each client does two lists of verbs side by side, and may leave and come back, as may the server."""
    world = tiny(start, slots=SLOTS, power=WATTS)
    world.server.downlink.bytes_per_s, world.server.uplink.bytes_per_s = 2, 3
    clients = [device(world, f"{n}", up=1 + n, down=2 + n, latency=n / 8, power=WATTS) for n in range(len(plans))]
    weights, received = [], {"bytes": 0}

    def one(client: Client, steps: list[tuple[str, int]]) -> Steps:
        for verb, amount in steps:
            if verb != "compute" and world.server.away_since is not None:
                return
            if verb == "compute":
                yield from client.compute(job(amount, name="train"))
            elif verb in ("serve", "write"):
                yield from client.server.compute(job(amount, writes=weights if verb == "write" else None, name=verb))
            else:
                copy = yield from getattr(client, verb)(amount, verb)
                received["bytes"] += copy

    def absence(site: Any, leaves: float, stays_away: float) -> Steps:
        yield from pause(world, leaves + 1 / 64)  # in no moment in which something else ends
        site.leave()
        yield from pause(world, stays_away)
        site.come_back()

    def driver() -> Steps:
        for client, (_, _, leave) in zip(clients, plans, strict=True):
            if leave:
                world.start(absence(client.site, *leave))
        if server_away:
            world.start(absence(world.server, *server_away))
        for number in (1, 2):
            if world.server.away_since is not None:
                yield from pause(world, 31)
            cohort = [client for client in clients if client.site.away_since is None]
            turns = [world.together(*(one(c, steps) for steps in plans[int(c.name)][:2])) for c in cohort]
            with world.round(number, cohort):
                jobs = [world.start(turn, client) for client, turn in zip(cohort, turns, strict=True)]
                yield from world.together(*jobs, within=deadline + 1 / 128)

    world.run(driver())
    return world, received


def clip(spans: list[tuple[float, float]], begin: float, end: float) -> list[tuple[float, float]]:
    return [(max(a, begin), min(b, end)) for a, b in spans if a < end and b > begin]


def engines(world: World, site: str) -> dict[str, list[tuple[float, float]]]:
    """When each engine of a site was busy."""
    ledger = world.ledger
    sent = [(row, (row.start + row.latency, row.start + row.seconds)) for row in ledger.transfers]
    return {
        "compute": [(row.start, row.start + row.seconds) for row in ledger.works if row.site == site],
        "uplink": [span for row, span in sent if row.source == site],
        "downlink": [span for row, span in sent if row.target == site],
    }


WORLDS = given(plans=plans, server_away=moments, deadline=quarters)
CLOCKS = pytest.mark.parametrize("start", [0.0, LATE])


@CLOCKS
@settings(deadline=None, max_examples=80)
@WORLDS
def test_no_engine_is_busy_while_its_site_is_away_or_outside_of_the_run(start, plans, server_away, deadline) -> None:
    """So that for each engine busy + idle + away = makespan."""
    world, _ = play(start, plans, server_away, deadline)
    makespan = world.now - start
    for site in world.sites:
        away = [(row.start, row.start + row.seconds) for row in world.ledger.absences if row.site == site.name]
        for spans in engines(world, site.name).values():
            assert all(start <= begin and end <= world.now * (1 + 1e-15) for begin, end in spans)
            together = length(spans + away)
            assert length(spans) + length(away) == pytest.approx(together, abs=1e-6)
            assert together <= makespan + 1e-6


@settings(deadline=None, max_examples=80)
@WORLDS
def test_standing_by_is_what_is_left_of_the_time_counted(plans, server_away, deadline) -> None:
    """Server: idle watts for makespan - away. Client: for (engaged or busy) - away; waiting = engaged - away - busy."""
    world, _ = play(0.0, plans, server_away, deadline)
    power = {site.name: WATTS for site in world.sites}
    found = uses(world.ledger, power, [client.name for client in world.clients], 0.0, world.now)

    def total(site: str, activity: str) -> float:
        return sum(use.seconds for use in found if (use.site, use.activity) == (site, activity))

    for site in world.sites:
        away = [(row.start, row.start + row.seconds) for row in world.ledger.absences if row.site == site.name]
        if site is world.server:
            assert total("server", "idle") == pytest.approx(world.now - length(away))
            continue
        busy = [span for spans in engines(world, site.name).values() for span in spans]
        rounds = [(row.start, row.start + row.seconds) for row in world.ledger.engagements if row.client == site.name]
        gone = sum(length(clip(away, a, b)) for a, b in rounds)
        assert total(site.name, "idle") == pytest.approx(length([*rounds, *busy]) - gone)
        idle = sum(b - a - length(clip(away + busy, a, b)) for a, b in rounds)
        assert total(site.name, "wait") == pytest.approx(idle, abs=1e-9)


@CLOCKS
@settings(deadline=None, max_examples=80)
@WORLDS
def test_bytes_sent_are_received_or_lost(start, plans, server_away, deadline) -> None:
    world, received = play(start, plans, server_away, deadline)
    rows = list(world.ledger.transfers)
    assert sum(row.bytes for row in rows) == received["bytes"] + sum(row.lost for row in rows)
    assert all(row.lost in (0, row.bytes) for row in rows)


@settings(deadline=None, max_examples=80)
@WORLDS
def test_no_site_serves_more_than_its_slots_and_no_two_writers_of_the_same(plans, server_away, deadline) -> None:
    world, _ = play(0.0, plans, server_away, deadline)
    for site in world.sites:
        mine = [row for row in world.ledger.works if row.site == site.name and row.seconds]
        for row in mine:
            at_once = [other for other in mine if other.start <= row.start < other.start + other.seconds]
            assert len(at_once) <= site.hardware.slots
            assert sum(other.work == "write" for other in at_once) <= 1
            assert row.asked <= row.start


@settings(deadline=None, max_examples=30)
@WORLDS
def test_the_same_plan_gives_the_same_ledger(plans, server_away, deadline) -> None:
    first, _ = play(0.0, plans, server_away, deadline)
    second, _ = play(0.0, plans, server_away, deadline)
    assert first.ledger == second.ledger
