"""The two numbers of a device that fit its measured rows best: the rate of its products, and its memory bandwidth."""

from __future__ import annotations

from collections.abc import Sequence
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
    from scipy.optimize import minimize

    known = device(rows[0].device, rows[0].precision)
    if known is None:
        problem = f"the catalogue has no rate of {rows[0].device} at {rows[0].precision}"
        raise ScenarioError(f"{problem}: the fit starts from one, so give the peak rate in a catalogue of your own")
    costs: list[tuple[Cost, float]] = [(cost, row.measured) for row in rows if (cost := cost_of(row)) is not None]

    def hardware(logs: Sequence[float]) -> Hardware:
        rate, bandwidth = map(exp, logs)
        return replace(known, flops_per_s=rate, memory_bandwidth=bandwidth)

    def error(logs: Sequence[float]) -> float:
        machine = hardware(logs)
        return fmean(abs(log(machine.seconds(cost) / seconds)) ** POWER for cost, seconds in costs)

    starts = [(log(rate * known.flops_per_s), log(share * known.memory_bandwidth)) for rate, share in STARTS]
    options = {"xatol": 1e-6, "fatol": 1e-10, "maxiter": 2000}
    found = (minimize(error, start, method="Nelder-Mead", options=options) for start in starts)
    return hardware(min(found, key=lambda result: float(result.fun)).x)
