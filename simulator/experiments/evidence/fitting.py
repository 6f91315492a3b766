"""The two numbers of a device that fit its measured rows best: the rate of its products, and its memory bandwidth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import exp, log
from statistics import fmean

from simulator.accounting.costs import Cost
from simulator.experiments.evidence.predicting import cost_of, device
from simulator.experiments.evidence.rows import Row
from simulator.settings.errors import ScenarioError
from simulator.world.hardware import Hardware

POWER = 1.5
"""Of the logarithmic error that is averaged: between 1, which ignores single rows, and 2, which follows them."""
STARTS = tuple((rate, bandwidth) for rate in (0.5, 1.0) for bandwidth in (0.25, 1.0))
"""Where the search starts, as shares of the figures of the catalogue."""


def fitted(rows: Sequence[Row]) -> Hardware:
    """Return the hardware of a device with the rate and the bandwidth that fit some rows of it best.

    Args:
        rows: rows of one device at one precision, whose models are modelled.

    Raises:
        ScenarioError: the catalogue has no rate of the device at this precision.
    """
    known = device(rows[0].device, rows[0].precision)
    if known is None:
        problem = f"the catalogue has no rate of {rows[0].device} at {rows[0].precision}"
        raise ScenarioError(f"{problem}: the fit starts from one, so give the peak rate in a catalogue of your own")
    costs: list[tuple[Cost, float]] = [(cost, row.measured) for row in rows if (cost := cost_of(row)) is not None]

    def machine(rate: float, bandwidth: float) -> Hardware:
        return replace(known, flops_per_s=rate, memory_bandwidth=bandwidth)

    def seconds(cost: Cost, rate: float, bandwidth: float) -> float:
        return machine(rate, bandwidth).seconds(cost)

    return machine(*fit(seconds, costs, known.flops_per_s, known.memory_bandwidth))


def fit(
    seconds: Callable[[Cost, float, float], float],
    measured: Sequence[tuple[Cost, float]],
    rate: float,
    bandwidth: float,
) -> tuple[float, float]:
    """Return the two numbers with which a form of the price fits measured seconds best.

    Args:
        seconds: the form: seconds from a cost, a rate in FLOP/s and a bandwidth in bytes/s.
        measured: costs with their measured seconds.
        rate, bandwidth: about where the search starts.
    """
    from scipy.optimize import minimize

    def error(logs: Sequence[float]) -> float:
        numbers = exp(logs[0]), exp(logs[1])
        return fmean(abs(log(seconds(cost, *numbers) / known)) ** POWER for cost, known in measured)

    starts = [(log(share * rate), log(other * bandwidth)) for share, other in STARTS]
    options = {"xatol": 1e-6, "fatol": 1e-10, "maxiter": 2000}
    found = (minimize(error, start, method="Nelder-Mead", options=options) for start in starts)
    best = min(found, key=lambda result: float(result.fun)).x
    return exp(best[0]), exp(best[1])
