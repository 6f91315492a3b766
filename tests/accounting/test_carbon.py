"""Emissions by hand, for a constant intensity, and against an integration of power times intensity."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import fsum
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.accounting.carbon import Grid, emissions
from simulator.accounting.columns.block import COMPUTE
from simulator.accounting.columns.uses import blocks_of
from simulator.accounting.columns.varying import Means
from simulator.accounting.integral import Integral
from simulator.accounting.ledger import AbsenceRow, EngagementRow, Ledger, RoundRow, TransferRow, WorkRow
from simulator.accounting.usage import uses
from tests.helpers.bills import DEVICES, POWER, ROLES, ledger_of, sent, used, work

PLACES = {"server": 0.5, "edge": 0.25, "device": 0.125}


class Steps:
    """A value that changes at given moments, the first of which is 0."""

    def __init__(self, *steps: tuple[float, float]) -> None:
        self.moments, self.values = zip(*steps, strict=True)

    def at(self, t: float) -> float:
        return float(self.values[bisect_right(self.moments, t) - 1])

    def next_change(self, t: float) -> float:
        return next((moment for moment in self.moments if moment > t), math.inf)


def emitted(ledger: Ledger, end: float, factor: Steps | None = None, intensity: Any = PLACES) -> dict[str, float]:
    """The sums by payer and phase."""
    sums: dict[str, float] = {}
    for row in emissions(ledger, used(ledger, end), Grid(intensity, factor), 0, end):
        sums[f"{row.payer} {row.phase}"] = sums.get(f"{row.payer} {row.phase}", 0) + row.kg
    return sums


def test_a_work_emits_what_the_grid_emits_while_it_runs() -> None:
    """The server draws 200 W above idle from 2 s to 6 s; the factor is 1 until 3 s and 3 after that: 10 in all."""
    found = emitted(ledger_of(work("server", 2, 6), RoundRow(1, 0, 8)), 8, Steps((0, 1), (3, 3)), {"server": 2.0})
    assert found == {"operator training": 2 * 200 * 10, "operator idle": 2 * 100 * (3 + 15)}


def test_the_energy_of_a_work_that_shares_its_slot_is_spread_over_its_time() -> None:
    """Half a slot from 0 s to 8 s: 100 W above idle, half of the time at a factor of 3."""
    found = emitted(ledger_of(work("server", 0, 8, share=0.5)), 8, Steps((0, 1), (4, 3)), {"server": 1.0})
    assert found["operator training"] == 100 * (4 + 12)


def test_a_device_that_is_away_emits_nothing() -> None:
    """Engaged from 0 s to 10 s, and away from 2 s to 8 s, when the grid was dirty."""
    rows = EngagementRow("phone", 1, 0, 10), AbsenceRow("phone", 2, 6)
    found = emitted(ledger_of(*rows), 10, Steps((0, 1), (2, 100), (8, 5)), {"device": 1.0})
    assert found == {"devices idle": 2 + 10}


def test_a_server_emits_between_rounds_too() -> None:
    """A round from 2 s to 4 s; the rest of the time, at factors of 1 until 3 s and 3 after that, is outside of it."""
    ledger = ledger_of(RoundRow(1, 2, 2))
    rows = emissions(ledger, used(ledger, 6), Grid({"server": 1.0}, Steps((0, 1), (3, 3))), 0, 6)
    assert {row.round: row.kg for row in rows} == {1: 100 * (1 + 3), 0: 100 * (2 + 6)}


def test_an_integral_between_two_moments() -> None:
    integral = Integral(Steps((0, 1), (2, 5), (4, 0)), 0, 10)
    assert [integral.between(*span) for span in [(0, 1), (1, 3), (1, 9), (4, 4)]] == [1, 6, 11, 0]
    assert integral.mean([(0, 1), (3, 4)]) == 3
    assert integral.mean([(3, 3)]) == 5


def test_means_in_columns_are_those_of_single_spans_to_the_digit() -> None:
    rng = np.random.default_rng(0)
    times = rng.random((200, 2)) * (9, 3)
    ledger = ledger_of(*(work("server", begin, begin + seconds) for begin, seconds in times.tolist()))
    integral = Integral(
        Steps(*zip([0, *np.sort(rng.random(6) * 10).tolist()], rng.random(7).tolist(), strict=True)), 0, 12
    )
    every = uses(ledger, POWER, DEVICES, 0, 12)
    spans = [(row.start, row.start + row.seconds) for row in ledger.works]
    for blocks in (every.blocks(), blocks_of(list(every))):
        means = Means(ledger, integral)
        found = [mean for block in blocks for mean in means.of(block)[block.activity == COMPUTE].tolist()]
        assert found == [integral.mean([span]) for span in spans]


def is_within(moment: float, spans: Iterable[tuple[float, float]]) -> bool:
    return any(begin <= moment < end for begin, end in spans)


def watts(ledger: Ledger, site: str, at: float) -> float:
    """What a site draws at a moment, from the rows of the ledger alone."""
    power, works = POWER[site], [row for row in ledger.works if row.site == site]
    drawn = sum((power.compute - power.idle) * row.share for row in works if row.start <= at < row.start + row.seconds)
    links = [
        (role, row.start + row.latency, row.start + row.seconds)
        for row in ledger.transfers
        for role, name in (("upload", row.source), ("download", row.target))
        if name == site
    ]
    for role in ("upload", "download"):
        if is_within(at, [(begin, end) for name, begin, end in links if name == role]):
            drawn += getattr(power, role) - power.idle
    engaged = [(row.start, row.start + row.seconds) for row in ledger.engagements if row.client == site]
    active = [(row.start, row.start + row.seconds) for row in works] + [(begin, end) for _, begin, end in links]
    there = site not in DEVICES or is_within(at, engaged) or is_within(at, active)
    away = is_within(at, [(row.start, row.start + row.seconds) for row in ledger.absences if row.site == site])
    return drawn + power.idle * (there and not away)


def integrated(ledger: Ledger, end: float, factor: Steps) -> float:
    """Power times intensity, summed over the stretches between all moments at which either may change."""
    moments = {0.0, end, *factor.moments}
    for row in ledger.works:
        moments |= {row.start, row.start + row.seconds}
    for sending in ledger.transfers:
        moments |= {sending.start + sending.latency, sending.start + sending.seconds}
    for stay in (*ledger.engagements, *ledger.absences):
        moments |= {stay.start, stay.start + stay.seconds}
    cuts = sorted(moment for moment in moments if moment <= end)
    return fsum(
        watts(ledger, site, (a + b) / 2) * PLACES[ROLES[site][1]] * factor.at((a + b) / 2) * (b - a)
        for site in POWER
        for a, b in pairwise(cuts)
    )


quarters = st.integers(0, 80).map(lambda quarter: quarter / 4)
spans = st.tuples(quarters, quarters.filter(bool))
works = st.tuples(st.sampled_from(list(POWER)), spans, st.sampled_from([0.25, 0.5, 1.0]))
transfers = st.tuples(st.sampled_from(DEVICES), st.booleans(), spans, st.sampled_from([0.0, 0.125]))


def in_turn(lengths: Sequence[float], start: float) -> list[tuple[float, float]]:
    """Spans that follow each other, every second of them left out, as (start, length)."""
    places, now = [], start
    for index, seconds in enumerate(lengths):
        if index % 2:
            places.append((now, seconds))
        now += seconds
    return places


@given(
    st.lists(works, max_size=8),
    st.lists(transfers, max_size=8),
    st.lists(quarters.filter(bool), max_size=6),
    st.lists(quarters.filter(bool), max_size=6),
    st.lists(st.tuples(quarters.map(lambda moment: 4 * moment), st.floats(0, 10)), max_size=8),
)
def test_emissions_are_the_integral_of_power_times_intensity(
    served: list[Any], sendings: list[Any], rounds: list[float], away: list[float], steps: list[tuple[float, float]]
) -> None:
    """Absences are in the second half of the trial, when nobody computes or sends."""
    rows: list[WorkRow | TransferRow | EngagementRow | AbsenceRow | RoundRow] = []
    rows += [work(site, a, a + b, share=share) for site, (a, b), share in served]
    for site, up, (a, b), latency in sendings:
        rows.append(sent(*((site, "server") if up else ("server", site)), a, a + b, latency=latency))
    for number, (start, seconds) in enumerate(in_turn(rounds, 0), start=1):
        rows += [RoundRow(number, start, seconds), EngagementRow("phone", number, start, seconds)]
    rows.append(EngagementRow("tablet", 1, 10, 150))
    rows += [AbsenceRow(site, *span) for site in ("server", "tablet") for span in in_turn(away, 40)]
    ledger, end = ledger_of(*rows), 200.0
    factor = Steps(*sorted({0.0: 1.0, **dict(steps)}.items()))
    found = fsum(emitted(ledger, end, factor).values())
    assert found == pytest.approx(integrated(ledger, end, factor), rel=1e-9, abs=1e-9)


@given(st.lists(works, max_size=8), st.lists(transfers, max_size=8), st.floats(1e-9, 1e3))
def test_at_a_constant_intensity_emissions_are_energy_times_intensity(
    served: list[Any], sendings: list[Any], intensity: float
) -> None:
    rows: list[WorkRow | TransferRow | EngagementRow] = [EngagementRow("phone", 1, 3, 17.3)]
    rows += [work(site, a, a + b / 3, share=share) for site, (a, b), share in served]
    rows += [sent(site, "server", a, a + b, latency=latency) for site, _, (a, b), latency in sendings]
    ledger = ledger_of(*rows)
    everywhere = dict.fromkeys(PLACES, intensity)
    for factor in (None, Steps((0, 1))):
        found = fsum(row.kg for row in emissions(ledger, used(ledger, 60), Grid(everywhere, factor), 0, 60))
        assert found == pytest.approx(intensity * fsum(use.energy_j for use in used(ledger, 60)), rel=1e-12)
