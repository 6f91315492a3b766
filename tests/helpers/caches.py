"""What the simulator remembers for as long as a process lasts, and tests must not share."""

from __future__ import annotations

import sys

REMEMBERING = (
    "simulator.learning.costs.flops",
    "simulator.learning.costs.footprint",
    "simulator.experiments.trial.cut_search",
)


def forget() -> None:
    """Empty all of it, so that no run profits from another; modules that nobody imported remember nothing."""
    for name in REMEMBERING:
        if name in sys.modules:
            sys.modules[name].forget()
