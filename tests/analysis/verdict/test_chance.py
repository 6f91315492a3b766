"""Intervals of paired differences, against SciPy's paired t test and a formula by hand."""

import math

import pytest
from scipy.stats import ttest_rel

from analysis.verdict.chance import differences, interval_of, ratios

A, B = {0: 0.82, 1: 0.79, 2: 0.85}, {0: 0.75, 1: 0.74, 2: 0.77}


def test_differences_are_paired_over_seeds() -> None:
    known = ttest_rel(list(A.values()), list(B.values())).confidence_interval(0.95)
    found = differences(A, B, samples=None)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((known.low, known.high), rel=1e-12)


def test_ratios_are_paired_and_geometric() -> None:
    slower, faster = {0: 12.0, 1: 30.0, 2: 8.0}, {0: 10.0, 1: 20.0, 2: 5.0}
    logs = [[math.log(value) for value in costs.values()] for costs in (slower, faster)]
    known = ttest_rel(*logs).confidence_interval(0.95)
    found = ratios(slower, faster)
    assert found is not None
    assert found.mean == pytest.approx((1.2 * 1.5 * 1.6) ** (1 / 3))
    assert (found.low, found.high) == pytest.approx((math.exp(known.low), math.exp(known.high)), rel=1e-12)


def test_seeds_that_only_one_has_do_not_count() -> None:
    found = ratios({0: 12.0, 1: 30.0, 2: 8.0}, {0: 10.0, 1: 20.0})
    assert found is not None
    assert found.mean == pytest.approx((1.2 * 1.5) ** 0.5)
    assert ratios({0: 1.0}, {1: 1.0}) is None


def test_one_seed_has_no_interval_and_is_above_nothing() -> None:
    found = interval_of([3.0])
    assert found.mean == 3.0
    assert math.isnan(found.low)
    assert not found.above(0.0)


def test_the_error_of_the_test_samples_is_added_however_small_the_spread_of_seeds() -> None:
    """Equal differences: all that remains is 1.96 sqrt((p (1 - p) + q (1 - q)) / n)."""
    found = differences({0: 0.8, 1: 0.8}, {0: 0.7, 1: 0.7}, samples=100)
    assert found is not None
    reach = 1.959963984540054 * math.sqrt((0.8 * 0.2 + 0.7 * 0.3) / 100)
    assert (found.low, found.high) == pytest.approx((0.1 - reach, 0.1 + reach), rel=1e-9)
