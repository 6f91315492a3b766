"""The search against looking everywhere."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from simulator.experiments.evidence.claims_search import accepted

FIGURES: dict[str, Callable[[int], float]] = {
    "rises": lambda index: 0.5 + 0.1 * index,
    "falls": lambda index: 7.0 - 0.3 * index,
    "rises in steps": lambda index: float(index // 4),
    "bends": lambda index: math.sqrt(index),
    "stays": lambda index: 2.0,
}
BOUNDS = [(1.95, 2.05), (-5.0, -1.0), (0.0, 1.0), (2.0, 2.0), (3.0, math.inf), (-math.inf, 100.0), (1.51, 1.59)]


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize(("low", "high"), BOUNDS)
@pytest.mark.parametrize("count", [1, 2, 20])
def test_it_finds_what_there_is(name: str, low: float, high: float, count: int) -> None:
    figure = FIGURES[name]
    assert list(accepted(figure, count, low, high)) == [i for i in range(count) if low <= figure(i) <= high]


def test_where_there_is_nothing_it_stands_at_the_step() -> None:
    """Between 1.5 and 1.6 lies nothing of 0.5 + 0.1 i but at i = 10 and 11, which these bounds leave out."""
    assert accepted(FIGURES["rises"], 20, 1.51, 1.59).start == 11


def test_a_straight_line_needs_few_computations() -> None:
    asked: set[int] = set()

    def figure(index: int) -> float:
        asked.add(index)
        return 0.001 * index

    assert accepted(figure, 1000, 0.4655, 0.4745) == range(466, 475)
    assert len(asked) <= 8
