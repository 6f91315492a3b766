"""What is sampled answers in any order of questions, and changes exactly where it says."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.settings.seeds import Seeds
from simulator.world.signals.base import Varying
from simulator.world.signals.markov import Markov
from simulator.world.signals.outage import Outage
from simulator.world.signals.periodic import Periodic
from simulator.world.signals.sampled import Alternating, Piecewise, Repeating, merged
from simulator.world.signals.trace import Trace

SIGNALS = {
    "markov": Markov.model_validate({"mean_good": "3 s", "mean_bad": "700 ms"}),
    "outage": Outage.model_validate({"between": "5 s", "duration": "1 s"}),
    "windows": Outage.model_validate({"windows": [["1 s", "2 s"], ["2 s", "4 s"], ["9 s", "12 s"]]}),
    "periodic": Periodic.model_validate({"period": "7 s", "share": 0.3, "phase": "2500 ms"}),
    "trace": Trace.model_validate({"points": [["0 s", 1], ["4 s", "3 Mbit/s"], ["5 s", 0]]}),
    "repeated": Trace.model_validate(
        {"points": [["0 s", 1], ["1100 ms", 0], ["3 s", 1]], "after": "repeat", "end": "3700 ms"}
    ),
}
EACH = pytest.mark.parametrize("signal", SIGNALS.values(), ids=SIGNALS)


def sampled(signal: object, seed: int = 0, link: str = "a up") -> Varying:
    return signal.sample(Seeds(seed), link, 1e6)  # type: ignore[attr-defined]


def changes(varying: Varying, until: float, t: float = 0.0) -> list[float]:
    """The moments at which it says that it changes."""
    moments = []
    while (t := varying.next_change(t)) < until:
        moments.append(t)
    return moments


@EACH
def test_it_changes_where_it_says_and_nowhere_else(signal: object) -> None:
    varying = sampled(signal)
    moments = [0.0, *changes(varying, 60)]
    assert len(moments) > 2
    for begin, end in zip(moments, [*moments[1:], 60.0], strict=True):
        inside = [begin, begin + (end - begin) * 0.37, math.nextafter(end, 0)]
        assert len({varying.at(t) for t in inside}) == 1
        assert {varying.next_change(t) for t in inside[:-1]} <= {end, varying.next_change(begin)}
        assert end == 60 or varying.at(end) != varying.at(begin)


@EACH
@settings(deadline=None, max_examples=40)
@given(moments=st.lists(st.floats(0, 3000), min_size=1, max_size=30))
def test_answers_do_not_depend_on_what_was_asked_before(signal: object, moments: list[float]) -> None:
    one = sampled(signal)
    asked = [(one.at(t), one.next_change(t)) for t in moments]
    assert asked == [(sampled(signal).at(t), sampled(signal).next_change(t)) for t in moments]


@EACH
@settings(deadline=None, max_examples=60)
@given(t=st.one_of(st.floats(0, 1e5), st.integers(0, 10**5).map(float)))
def test_the_next_change_is_later_and_the_value_holds_until_then(signal: object, t: float) -> None:
    varying = sampled(signal)
    change = varying.next_change(t)
    assert change > t
    assert varying.at(math.nextafter(change, 0) if change < math.inf else t + 1e6) == varying.at(t)


@EACH
def test_factors_are_numbers_of_at_least_zero(signal: object) -> None:
    varying = sampled(signal)
    assert all(0 <= varying.at(t / 10) < math.inf for t in range(600))


@pytest.mark.parametrize("name", ["markov", "outage"])
def test_random_signals_differ_by_seed_and_by_link_and_by_nothing_else(name: str) -> None:
    def first(seed: int, link: str) -> list[float]:
        return changes(sampled(SIGNALS[name], seed, link), 100)

    assert first(0, "a up") == first(0, "a up")
    assert len({tuple(first(seed, link)) for seed in (0, 1) for link in ("a up", "a down", "b up")}) == 6


def test_piecewise_by_hand() -> None:
    varying = Piecewise([0, 2, 5], [1.0, 0.0, 4.0], unit=2.0)
    assert [varying.at(t) for t in (0, 1.9, 2, 4.9, 5, 1e9)] == [0.5, 0.5, 0, 0, 2, 2]
    assert [varying.next_change(t) for t in (0, 1.9, 2, 5, 1e9)] == [2, 2, 5, math.inf, math.inf]


def test_what_changes_nothing_is_merged() -> None:
    assert merged([0, 1, 2, 3], [5, 5, 6, 6]) == ((0, 2), (5, 6))


def test_repeating_by_hand() -> None:
    """Periods of 10 s from 3 s on: 1 for 4 s, then 0, then 1 from 9 s on, which is no change at the period's end."""
    varying = Repeating(10, [0, 4, 9], [1, 0, 1], phase=3)
    assert [varying.at(t) for t in (0, 1.9, 2, 3, 6.9, 7, 11.9, 12, 13)] == [0, 0, 1, 1, 1, 0, 0, 1, 1]
    assert [varying.next_change(t) for t in (0, 2, 3, 7, 12, 13)] == [2, 7, 7, 12, 17, 17]


def test_repeating_what_is_constant_never_changes() -> None:
    varying = Repeating(10, [0, 4], [3, 3])
    assert (varying.at(123), varying.next_change(123)) == (3, math.inf)


def test_repeating_moves_on_at_a_late_clock() -> None:
    varying, t = Repeating(0.1, [0, 0.05], [1, 0]), 1e8
    moments = changes(varying, 1e8 + 1, t)
    assert len(moments) == pytest.approx(20, abs=1)
    assert all(varying.at(one) != varying.at(other) for one, other in itertools.pairwise(moments))


def test_sojourns_last_as_long_as_their_means_say() -> None:
    """Standard errors: 3 / sqrt(5,000) and 1 / sqrt(5,000)."""
    varying = Alternating((1.0, 0.0), (3.0, 1.0), Seeds(0), "x")
    moments = changes(varying, 20_000)
    lengths = {value: [] for value in (0.0, 1.0)}
    for begin, end in itertools.pairwise(moments):
        lengths[varying.at(begin)].append(end - begin)
    means = {value: sum(all_of) / len(all_of) for value, all_of in lengths.items()}
    assert means == {1.0: pytest.approx(3, abs=0.17), 0.0: pytest.approx(1, abs=0.06)}


def test_sojourns_are_exponential() -> None:
    """The squared coefficient of variation of an exponential is 1, and a share 1/e of them outlasts the mean."""
    varying = Alternating((1.0, 0.0), (1.0, 1.0), Seeds(1), "x")
    moments = changes(varying, 20_000)
    lengths = [end - begin for begin, end in itertools.pairwise(moments)]
    mean = sum(lengths) / len(lengths)
    assert sum((length - mean) ** 2 for length in lengths) / len(lengths) / mean**2 == pytest.approx(1, abs=0.06)
    assert sum(length > mean for length in lengths) / len(lengths) == pytest.approx(math.exp(-1), abs=0.02)


@pytest.mark.parametrize("t", [0.0, 0.7, 50.0])
def test_a_chain_is_stationary_from_the_first_moment_on(t: float) -> None:
    states = [Alternating((1.0, 0.0), (3.0, 1.0), Seeds(seed), "x").at(t) for seed in range(2000)]
    assert sum(states) / 2000 == pytest.approx(0.75, abs=0.04)
