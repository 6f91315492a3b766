"""Search for the values of one key with which a figure is as claimed."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

from simulator.experiments.plan.break_even import first

Value = Callable[[int], float]
"""Returns a figure at one of the values searched, by its index."""


def accepted(figure: Value, count: int, low: float, high: float) -> range:
    """Return the indices at which a figure lies between two bounds, ends included.

    The figure must rise, or fall, with the index throughout. It is computed at both ends, and then where a straight
    line between them would meet the bounds, and near there.

    Args:
        figure: the figure, costly to compute.
        count: the number of indices.
        low, high: the bounds.

    Returns:
        The range of indices; empty where the figure steps over the bounds, and then it stands where it does so.
    """
    last = count - 1
    if figure(0) > figure(last):
        return accepted(lambda index: -figure(index), count, -high, -low)
    return range(
        _first(lambda index: figure(index) >= low, last, _where(figure, last, low)),
        _first(lambda index: figure(index) > high, last, _where(figure, last, high)),
    )


def _first(holds: Callable[[int], bool], last: int, guess: int) -> int:
    """Return the first index at which a monotone condition holds; ``last + 1`` if it holds at none."""
    if holds(0):
        return 0
    found = first(holds, 0, last, guess) if last else None
    return last + 1 if found is None else found


def _where(figure: Value, last: int, bound: float) -> int:
    """Estimate the index at which a figure meets a bound, as if it were a straight line."""
    rise = figure(last) - figure(0)
    share = (bound - figure(0)) / rise if rise and isfinite(bound) else 0.0
    return min(max(round(share * last), 1), max(last, 1))
