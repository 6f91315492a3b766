"""Energy and time by hand, in ledgers of a few rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.accounting.columns.stretches import covered
from simulator.accounting.ledger import AbsenceRow, EngagementRow, Ledger, RoundRow, TransferRow, WorkRow
from simulator.accounting.power import Power
from simulator.accounting.usage import Use, active_energy, uses

PHONE = Power(idle=1, compute=5, upload=4, download=3)
RACK = Power(idle=100, compute=300, upload=130, download=120)
POWER = {"phone": PHONE, "rack": RACK}

Span = tuple[float, float]


def book(
    works: list[tuple[str, float, float]] = (),  # type: ignore[assignment]
    sent: list[tuple[str, str, float, float, float]] = (),  # type: ignore[assignment]
    engaged: list[Span] = (),  # type: ignore[assignment]
    away: list[tuple[str, float, float]] = (),  # type: ignore[assignment]
    rounds: list[Span] = (),  # type: ignore[assignment]
) -> Ledger:
    """A ledger from spans (start, end) in round 1; a transfer is (source, target, start, end, latency), 10 bytes."""
    ledger = Ledger()
    for site, start, end in works:
        ledger.works.add(WorkRow(site, "phone", "step", "train", 1, start, start, end - start, 7, 0))
    for source, target, start, end, latency in sent:
        ledger.transfers.add(TransferRow(source, target, "phone", "x", "send", 1, start, end - start, 10, 0, latency))
    for start, end in engaged:
        ledger.engagements.add(EngagementRow("phone", 1, start, end - start))
    for site, start, end in away:
        ledger.absences.add(AbsenceRow(site, start, end - start))
    for number, (start, end) in enumerate(rounds, start=1):
        ledger.rounds.add(RoundRow(number, start, end - start))
    return ledger


def used(ledger: Ledger, end: float = 20) -> Sequence[Use]:
    return uses(ledger, POWER, ["phone"], 0, end)


def joules(found: Sequence[Use], site: str, activity: str | None = None) -> float:
    return sum(use.energy_j for use in found if use.site == site and activity in (None, use.activity))


def seconds(found: Sequence[Use], site: str, activity: str) -> float:
    return sum(use.seconds for use in found if use.site == site and use.activity == activity)


def test_an_engaged_client_draws_idle_watts_and_what_each_state_adds() -> None:
    """10 s engaged; computes 3 s, sends 2, receives 1: 10 x 1 + 3 x (5 - 1) + 2 x (4 - 1) + 1 x (3 - 1)."""
    found = used(
        book(
            works=[("phone", 2, 5)],
            sent=[("phone", "rack", 5, 7, 0), ("rack", "phone", 0, 1, 0)],
            engaged=[(0, 10)],
        )
    )
    assert joules(found, "phone") == 10 + 12 + 6 + 2
    assert [joules(found, "phone", state) for state in ("idle", "compute", "upload", "download")] == [10, 12, 6, 2]


def test_states_that_overlap_add() -> None:
    """Computing and sending at once from 2 to 5: 1 + 4 + 3 watts for these 3 s."""
    found = used(book(works=[("phone", 2, 5)], sent=[("phone", "rack", 2, 5, 0)], engaged=[(2, 5)]))
    assert joules(found, "phone") == 3 * (1 + 4 + 3)


def test_two_flows_on_one_uplink_draw_once() -> None:
    """0 to 4 and 2 to 6: the radio is on for 6 s."""
    found = used(book(sent=[("phone", "rack", 0, 4, 0), ("phone", "rack", 2, 6, 0)]))
    assert (joules(found, "phone", "upload"), seconds(found, "phone", "upload")) == (6 * 3, 6)
    assert joules(found, "rack", "download") == 6 * 20


def test_two_slots_draw_twice() -> None:
    found = used(book(works=[("rack", 0, 3), ("rack", 1, 4)]))
    assert (joules(found, "rack", "compute"), seconds(found, "rack", "compute")) == (6 * 200, 6)


def test_latency_draws_no_sending_power_on_either_side() -> None:
    found = used(book(sent=[("phone", "rack", 1, 6, 2)]))
    assert (joules(found, "phone", "upload"), joules(found, "rack", "download")) == (3 * 3, 3 * 20)


def test_a_flow_that_never_left_its_latency_draws_nothing() -> None:
    found = used(book(sent=[("phone", "rack", 1, 3, 2)]))
    assert joules(found, "phone", "upload") == 0


def test_waiting_is_in_client_energy_and_not_in_active_energy() -> None:
    """Engaged 10 s, busy from 2 to 6 (computing 2-5, sending 4-6): 6 s of waiting at 1 watt."""
    found = used(book(works=[("phone", 2, 5)], sent=[("phone", "rack", 4, 6, 0)], engaged=[(0, 10)]))
    assert seconds(found, "phone", "wait") == 6
    assert joules(found, "phone") == 10 + 3 * 4 + 2 * 3
    assert active_energy(found, POWER) == 4 * 1 + 3 * 4 + 2 * 3


def test_a_service_that_goes_on_after_its_round_is_no_waiting_in_the_next() -> None:
    """Engaged 0-10 and 12-20, computing from 8 to 14 for the first: it waits for 8 s and then for 6."""
    found = used(book(works=[("phone", 8, 14)], engaged=[(0, 10), (12, 20)]))
    assert [use.seconds for use in found if use.activity == "wait"] == [8, 6]


def test_active_energy_leaves_the_server_out() -> None:
    assert active_energy(used(book(works=[("rack", 0, 3)], engaged=[(0, 10)])), POWER) == 0


def test_every_use_starts_where_the_ledger_says() -> None:
    """Two flows share the uplink from 3 to 4, and the first second of the later one is latency."""
    found = used(
        book(
            works=[("phone", 2, 5)],
            sent=[("phone", "rack", 0, 4, 0), ("phone", "rack", 2, 7, 1)],
            engaged=[(0, 10)],
            rounds=[(0, 8), (9, 12)],
        )
    )
    starts = {
        (site, activity): [(use.start, use.seconds) for use in found if (use.site, use.activity) == (site, activity)]
        for site, activity in (("phone", "compute"), ("phone", "upload"), ("rack", "download"), ("phone", "idle"))
    }
    assert starts == {
        ("phone", "compute"): [(2, 3)],
        ("phone", "upload"): [(0, 0), (3, 0), (0, 4), (4, 3)],  # the first two are bytes, which take no time of theirs
        ("rack", "download"): [(0, 4), (4, 3)],
        ("phone", "idle"): [(0, 10)],
    }
    assert [(use.round, use.start) for use in found if use.side == "server" and use.activity == "idle"] == [
        (1, 0),
        (2, 9),
        (0, 0),
    ]


def test_time_away_is_not_counted() -> None:
    """Engaged 0-10, away 7-9 and 9.5-12: present for 7.5 s; busy 0-3, so it waits for 4.5 s."""
    found = used(
        book(works=[("phone", 0, 3)], engaged=[(0, 10)], away=[("phone", 7, 9), ("phone", 9.5, 12), ("rack", 0, 20)])
    )
    assert (seconds(found, "phone", "idle"), seconds(found, "phone", "wait")) == (7.5, 4.5)
    assert (joules(found, "phone", "idle"), joules(found, "rack", "idle")) == (7.5, 0)


def test_a_client_that_is_not_engaged_is_not_counted() -> None:
    found = used(book(rounds=[(0, 20)]))
    assert {use.site for use in found} == {"rack"}


def test_every_engagement_is_counted() -> None:
    assert seconds(used(book(engaged=[(0, 2), (10, 15)])), "phone", "idle") == 7


def test_the_server_is_counted_over_the_whole_makespan_by_round() -> None:
    """Rounds 0-4 and 6-10 of a run from 0 to 12: 4 s are outside of any round."""
    found = used(book(rounds=[(0, 4), (6, 10)]), end=12)
    assert [(use.round, use.seconds, use.energy_j) for use in found] == [(1, 4, 400), (2, 4, 400), (0, 4, 400)]


def test_the_server_away_in_a_round_is_counted_for_the_rest_of_it() -> None:
    found = used(book(rounds=[(0, 4), (4, 10)], away=[("rack", 3, 6)]), end=10)
    assert [(use.round, use.seconds) for use in found if use.activity == "idle"] == [(1, 3), (2, 4)]


def test_a_run_that_starts_late_on_the_clock_is_counted_from_there() -> None:
    found = uses(book(rounds=[(100, 104)]), POWER, ["phone"], 100, 106)
    assert [(use.round, use.seconds) for use in found] == [(1, 4), (0, 2)]


def test_bytes_and_flops_are_found_once_on_the_client_s_side() -> None:
    found = used(
        book(works=[("phone", 0, 1), ("rack", 0, 1)], sent=[("phone", "rack", 1, 2, 0), ("rack", "phone", 2, 3, 0)])
    )
    assert [(use.site, use.activity, use.bytes) for use in found if use.bytes] == [
        ("phone", "upload", 10),
        ("phone", "download", 10),
    ]
    assert [(use.side, use.activity, use.flops) for use in found if use.flops] == [
        ("client", "compute", 7),
        ("server", "compute", 7),
    ]


def test_phases_and_rounds_are_kept() -> None:
    found = used(book(works=[("phone", 0, 1)], sent=[("phone", "rack", 1, 2, 0)], engaged=[(0, 2)]))
    assert {(use.activity, use.phase, use.round) for use in found if use.site == "phone"} == {
        ("compute", "train", 1),
        ("upload", "send", 1),
        ("idle", "idle", 1),
        ("wait", "waiting", 1),
    }


def test_a_state_that_draws_less_than_idle_saves_energy() -> None:
    saver = {"phone": Power(idle=2, compute=1), "rack": RACK}
    found = uses(book(works=[("phone", 0, 3)], engaged=[(0, 5)]), saver, ["phone"], 0, 5)
    assert joules(found, "phone") == 5 * 2 - 3 * 1


# Laws, against sums over every second.

second = st.integers(0, 30)
spans = st.lists(st.tuples(second, second).map(sorted).map(tuple), max_size=8)


def union(found: list[Span]) -> set[int]:
    return {tick for start, end in found for tick in range(int(start), int(end))}


@settings(deadline=None, max_examples=200)
@given(spans, st.randoms())
def test_covered_is_the_union_and_gives_each_second_to_one(found: list[Span], shuffle) -> None:
    shuffle.shuffle(found)
    starts, ends = (np.array(column, np.float64) for column in (zip(*found, strict=True) if found else ([], [])))
    parts = covered(np.zeros(len(found), np.int64), starts, ends)
    assert parts.seconds.sum() == len(union(found))
    assert (parts.seconds > 0).all()
    assert (parts.begins >= starts[parts.places]).all()
    assert (parts.ends == ends[parts.places]).all()
    assert (parts.begins[1:] >= parts.ends[:-1]).all(), "in order, and none overlaps"


@settings(deadline=None, max_examples=200)
@given(
    devices=st.lists(spans, min_size=1, max_size=3),
    rack=spans,
    up=st.lists(st.tuples(st.tuples(second, second).map(sorted), st.integers(0, 5)), max_size=8),
    down=st.lists(st.tuples(st.tuples(second, second).map(sorted), st.integers(0, 5)), max_size=8),
    engaged=st.tuples(second, second).map(sorted),
    away=st.tuples(second, second).map(sorted),
    rounds=st.tuples(second, second, second).map(sorted),
)
def test_joules_are_watts_summed_over_every_second(devices, rack, up, down, engaged, away, rounds) -> None:
    """Energy by state adds up to it, at each site. (Away and busy at once may be drawn: it is only arithmetic.)"""
    works = [("phone", *span) for span in devices[0]] + [("rack", *span) for span in rack]
    sent = [("phone", "rack", *span, min(late, span[1] - span[0])) for span, late in up]
    sent += [("rack", "phone", *span, min(late, span[1] - span[0])) for span, late in down]
    ledger = book(works, sent, [tuple(engaged)], [("phone", *away), ("rack", *away)], [rounds[:2], rounds[1:]])
    found = used(ledger, end=30)

    gone = union([tuple(away)])
    present = {"phone": union([tuple(engaged)]) - gone, "rack": set(range(30)) - gone}
    flowing = {(s, t): union([(a + late, b) for x, y, a, b, late in sent if (x, y) == (s, t)]) for s, t, *_ in sent}
    active = union([span for name, *span in works if name == "phone"]) | flowing.get(("phone", "rack"), set())
    present["phone"] |= (active | flowing.get(("rack", "phone"), set())) - union([tuple(engaged)])
    for site, other in (("phone", "rack"), ("rack", "phone")):
        watts, total = POWER[site], 0.0
        for tick in range(30):
            total += watts.idle * (tick in present[site])
            total += sum((watts.compute - watts.idle) * (a <= tick < b) for name, a, b in works if name == site)
            total += (watts.upload - watts.idle) * (tick in flowing.get((site, other), ()))
            total += (watts.download - watts.idle) * (tick in flowing.get((other, site), ()))
        assert joules(found, site) == pytest.approx(total)
        states = ("idle", "wait", "compute", "upload", "download")
        assert sum(joules(found, site, state) for state in states) == pytest.approx(joules(found, site))


def test_what_a_device_finishes_after_its_round_it_does_at_all_its_watts() -> None:
    """Engaged for 5 s, it computes from 2 to 8: 3 s beyond that draw idle watts as well, and no wait is counted."""
    found = used(book(works=[("phone", 2, 8)], engaged=[(0, 5)]))
    assert joules(found, "phone", "idle") == 5 * 1 + 3 * 1
    assert joules(found, "phone") == 5 * 1 + 3 * 1 + 6 * 4
    assert seconds(found, "phone", "wait") == 2
    assert active_energy(found, POWER) == joules(found, "phone") - 2 * 1


def test_what_lies_between_two_engagements_counts_once() -> None:
    """Computing from 2 to 9, engaged from 0 to 4 and from 6 to 8: 2 s between them and 1 s after are its own."""
    found = used(book(works=[("phone", 2, 9)], engaged=[(0, 4), (6, 8)]))
    beyond = [(use.start, use.seconds) for use in found if use.activity == "idle" and use.site == "phone"]
    assert sorted(beyond) == [(0, 4), (4, 2), (6, 2), (8, 1)]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 9)), max_size=6), st.integers(0, 9), st.integers(1, 9))
def test_idle_time_is_the_union_of_being_engaged_and_being_active(
    works: list[tuple[int, int]], begin: int, length: int
) -> None:
    spans = [("phone", start, start + long) for start, long in works]
    found = used(book(works=spans, engaged=[(begin, begin + length)]), end=40)
    moments = {*range(begin, begin + length), *(second for _, start, end in spans for second in range(start, end))}
    assert seconds(found, "phone", "idle") == pytest.approx(len(moments))


def test_an_engagement_within_another_hides_nothing_of_it() -> None:
    """Computing from 5 to 6, engaged from 0 to 10 and, meanwhile, from 1 to 2: no second of it lies outside."""
    found = used(book(works=[("phone", 5, 6)], engaged=[(0, 10), (1, 2)]))
    assert sorted((use.start, use.seconds) for use in found if (use.site, use.activity) == ("phone", "idle")) == [
        (0, 10),
        (1, 1),
    ]
