"""The caches that the simulator keeps while a process lasts, and that tests must not share."""

from __future__ import annotations

import sys

REMEMBERING = (
    "simulator.learning.costs.flops",
    "simulator.learning.costs.footprint",
    "simulator.learning.costs.traffic",
    "simulator.experiments.trial.cut_search",
    "simulator.experiments.trial.forecast",
)


def forget() -> None:
    """Empty all caches, so that no run profits from another; modules that were not imported have none."""
    for name in REMEMBERING:
        if name in sys.modules:
            sys.modules[name].forget()
