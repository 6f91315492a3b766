"""What is drawn from distributions: quantiles as the closed forms have them, and the same for the first devices."""

from __future__ import annotations

from math import exp, inf, log, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from simulator.settings import units
from simulator.settings.errors import UnfitError
from simulator.settings.plugins import DISTRIBUTIONS
from simulator.world.distributions.base import Draw
from simulator.world.distributions.measure import Measure

LINK, DELAY, FACTOR = Measure(units.BANDWIDTH), Measure(units.DURATION), Measure()
MANY = 20_000
APART = sqrt(log(2 / 1e-9) / (2 * MANY))
"""By the inequality of Dvoretzky, Kiefer, Wolfowitz and Massart, an empirical distribution of so many values is nowhere
further from the true one than this, but for one draw in a thousand million."""


def drawn(data: dict[str, Any], measure: Measure = FACTOR, count: int = MANY, seed: int = 0) -> np.ndarray:
    distribution: Any = DISTRIBUTIONS.read(data)
    distribution.check(measure, None)
    values: np.ndarray = distribution.sample(
        Draw(count, np.random.default_rng(seed), measure, None, np.empty(0, np.int64))
    )
    return values


def refusal(data: dict[str, Any], measure: Measure = FACTOR) -> tuple[str, str]:
    distribution: Any = DISTRIBUTIONS.read(data)
    with pytest.raises(UnfitError) as error:
        distribution.check(measure, None)
    return str(error.value.key), str(error.value)


def cdf(x: float, median: float, sigma: float, least: float = 0.0, most: float = inf) -> float:
    """The distribution function of a truncated lognormal distribution, as textbooks have it."""

    def whole(value: float) -> float:
        return 0.0 if value == 0 else 1.0 if value == inf else NormalDist(log(median), sigma).cdf(log(value))

    return (whole(x) - whole(least)) / (whole(most) - whole(least))


def furthest(values: np.ndarray, *parameters: float) -> float:
    """The largest distance between the distribution of some values and the closed form."""
    values = np.sort(values)
    theory = np.array([cdf(value, *parameters) for value in values])
    ranks = np.arange(len(values) + 1) / len(values)
    return float(max(np.abs(theory - ranks[1:]).max(), np.abs(theory - ranks[:-1]).max()))


@pytest.mark.parametrize(
    ("median", "sigma", "bounds"),
    [
        (3.0, 0.5, {}),
        (60.0, 2.0, {}),
        (3.0, 0.5, {"least": 2.0}),
        (3.0, 0.5, {"most": 2.0}),
        (3.0, 1.0, {"least": 2.5, "most": 3.5}),
        (1.0, 0.5, {"least": exp(2.5)}),  # five sigmas above the median
        (1.0, 0.5, {"most": exp(-2.5)}),
    ],
)
def test_a_lognormal_has_the_quantiles_of_the_closed_form(
    median: float, sigma: float, bounds: dict[str, float]
) -> None:
    values = drawn({"name": "lognormal", "median": median, "sigma": sigma, **bounds})
    assert values.min() >= bounds.get("least", 0.0)
    assert values.max() <= bounds.get("most", inf)
    assert furthest(values, median, sigma, bounds.get("least", 0.0), bounds.get("most", inf)) < APART


def test_truncation_piles_nothing_up_at_the_bounds() -> None:
    values = drawn({"name": "lognormal", "median": 1.0, "sigma": 1.0, "least": 0.9, "most": 1.1})
    assert len(np.unique(values)) == MANY


def test_a_lognormal_without_spread_is_its_median() -> None:
    values = drawn({"name": "lognormal", "median": "20 ms", "sigma": 0, "most": "1 s"}, DELAY)
    assert set(values) == {0.02}


def test_a_uniform_is_uniform_in_si_units() -> None:
    values = np.sort(drawn({"name": "uniform", "low": "2 Mbit/s", "high": "20 Mbit/s"}, LINK))
    shares = (values - 250_000) / (2_500_000 - 250_000)
    assert shares.min() >= 0
    assert shares.max() <= 1
    assert np.abs(shares - np.arange(1, MANY + 1) / MANY).max() < APART + 1 / MANY


@pytest.mark.parametrize(
    "data",
    [
        {"name": "lognormal", "median": 1.0, "sigma": 1.0},
        {"name": "lognormal", "median": 1.0, "sigma": 1.0, "least": 2.0, "most": 3.0},
        {"name": "uniform", "low": 1.0, "high": 2.0},
    ],
)
def test_the_first_devices_are_the_same_however_many_come_after_them(data: dict[str, Any]) -> None:
    assert drawn(data, count=100).tolist() == drawn(data, count=1000)[:100].tolist()
    assert drawn(data, count=100).tolist() != drawn(data, count=100, seed=1).tolist()


@pytest.mark.parametrize(
    ("data", "measure", "key", "said"),
    [
        ({"name": "uniform", "low": 0, "high": 1}, FACTOR, "low", "it must be more than 0"),
        ({"name": "uniform", "low": -1, "high": 1}, FACTOR, "low", "it must be more than 0"),
        ({"name": "uniform", "low": 2, "high": 1}, FACTOR, "low", "it is more than high, 1"),
        ({"name": "uniform", "low": "0 bit/s", "high": "1 bit/s"}, LINK, "low", "it is zero"),
        ({"name": "uniform", "low": "1 GB", "high": "2 GB"}, LINK, "low", '"GB" is not a unit of bandwidth'),
        ({"name": "uniform", "low": 1, "high": 2}, LINK, "low", "it has no unit"),
        ({"name": "uniform", "low": "1 W", "high": "2 W"}, FACTOR, "low", "it must be a number, without a unit"),
        ({"name": "lognormal", "median": 0, "sigma": 1}, FACTOR, "median", "it must be more than 0"),
        ({"name": "lognormal", "median": "0 s", "sigma": 1}, DELAY, "median", "it is zero"),
        ({"name": "lognormal", "median": 1, "sigma": 1, "least": 0}, FACTOR, "least", "it must be more than 0"),
        ({"name": "lognormal", "median": 1, "sigma": 1, "least": 3, "most": 2}, FACTOR, "least", "more than most, 2"),
        ({"name": "lognormal", "median": 1, "sigma": 0, "least": 3}, FACTOR, "median", "not between least and most"),
        ({"name": "lognormal", "median": 1, "sigma": 0.1, "least": 3}, FACTOR, "least", "hardly any value lies there"),
    ],
)
def test_what_could_give_nonsense_is_refused(data: dict[str, Any], measure: Measure, key: str, said: str) -> None:
    where, message = refusal(data, measure)
    assert where == key
    assert said in message


def test_a_latency_may_be_zero() -> None:
    assert drawn({"name": "uniform", "low": "0 s", "high": "1 s"}, DELAY).min() >= 0
