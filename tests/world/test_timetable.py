"""Plans of when something is on, against a slow look at the spells themselves."""

from __future__ import annotations

from itertools import accumulate, pairwise
from math import inf, nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.world.timetable import DAY, Timetable, daily

lengths = st.lists(st.integers(1, 50), min_size=2, max_size=12)
"""Seconds off, on, off, on, ...: an odd one at the end is left out."""


def spells_of(gaps: list[int], first: int) -> list[tuple[float, float]]:
    ends = [float(end) for end in accumulate(gaps, initial=first)]
    return [(begin, end) for number, (begin, end) in enumerate(pairwise(ends)) if number % 2 == 0]


def on(spells: list[tuple[float, float]], t: float) -> bool:
    return any(begin <= t < end for begin, end in spells)


@given(gaps=lengths, first=st.integers(0, 9), quarter=st.integers(0, 4000))
def test_a_plan_is_on_in_its_spells_and_off_elsewhere(gaps: list[int], first: int, quarter: int) -> None:
    spells = spells_of(gaps, first)
    assert Timetable(spells).at(quarter / 4) == on(spells, quarter / 4)


@given(gaps=lengths, first=st.integers(0, 9), rest=st.integers(0, 3), quarter=st.integers(0, 9000))
def test_a_repeated_plan_is_that_of_the_time_in_its_cycle(gaps: list[int], first: int, rest: int, quarter: int) -> None:
    spells = spells_of(gaps, first)
    period = spells[-1][1] + rest
    assert Timetable(spells, period).at(quarter / 4) == on(spells, quarter / 4 % period)


@given(
    gaps=lengths,
    first=st.integers(0, 9),
    rest=st.none() | st.integers(0, 3),
    scale=st.floats(1e-3, 1e3),
    t=st.floats(0, 1e6),
)
def test_nothing_changes_before_the_next_change_and_something_does_at_it(
    gaps: list[int], first: int, rest: int | None, scale: float, t: float
) -> None:
    spells = [(begin * scale, end * scale) for begin, end in spells_of(gaps, first)]
    plan = Timetable(spells, inf if rest is None else spells[-1][1] + rest * scale)
    after = plan.next_change(t)
    assert after > t
    if after < inf:
        assert plan.at(nextafter(after, 0)) == plan.at(t)
        assert plan.at(after) != plan.at(t)


def test_a_plan_that_stays_on_never_changes_again() -> None:
    plan = Timetable([(1.0, 2.0), (5.0, 6.0)], stays_on=True)
    assert [plan.at(t) for t in (0, 1, 2, 5, 6, 1e9)] == [False, True, False, True, True, True]
    assert plan.next_change(5.0) == inf


def test_spells_that_touch_are_one_also_from_one_cycle_to_the_next() -> None:
    plan = Timetable([(0.0, 2.0), (2.0, 3.0), (4.0, 5.0)], 5.0)
    assert [plan.next_change(t) for t in (0.0, 3.0, 4.0, 8.5)] == [3.0, 4.0, 8.0, 9.0]


def test_a_plan_that_is_always_on_in_its_cycle_never_changes() -> None:
    plan = Timetable([(0.0, 3.0), (3.0, 5.0)], 5.0)
    assert plan.at(0.0)
    assert plan.at(12.5)
    assert plan.next_change(7.0) == inf


def test_a_day_that_goes_over_midnight() -> None:
    plan = daily(22 * 3600, 6 * 3600)
    assert [plan.at(hour * 3600) for hour in (0, 5.9, 6, 21.9, 22, 24, 29.9, 30)] == [
        *(True, True, False, False),
        *(True, True, True, False),
    ]
    assert plan.next_change(23 * 3600) == 30 * 3600


@pytest.mark.parametrize("end", [DAY, 0.0])
def test_a_day_until_midnight(end: float) -> None:
    plan = daily(20 * 3600, end)
    assert [plan.at(hour * 3600) for hour in (0, 19.9, 20, 23.9, 24)] == [False, False, True, True, False]


def test_the_expected_stay_is_the_time_until_the_plan_says_off() -> None:
    plan = Timetable([(1.0, 4.0)])
    assert [plan.expected_stay(t) for t in (0.0, 1.0, 3.5, 4.0)] == [0.0, 3.0, 0.5, 0.0]
