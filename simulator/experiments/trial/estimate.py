"""What a run will take, told beforehand and roughly: events, wall-clock seconds and bytes of memory.

Nothing of the run itself is simulated: see ``trial_cost`` for what a trial takes. A real run is priced by a few steps
of its model on this machine. Dry runs that are short by any reckoning are not looked at further.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.experiments.executors.local import workers_that_fit
from simulator.experiments.trial.model import torch_device
from simulator.experiments.trial.training_rate import SLOWEST_FLOPS_PER_S, training_rate
from simulator.experiments.trial.trial_cost import BASE_BYTES, is_short, trial_cost
from simulator.settings.humanize import human
from simulator.settings.memory import UNKNOWN, available_memory

if TYPE_CHECKING:
    from simulator.scenario.scenario import Scenario

LONG = 30 * 60.0
"""Seconds from which a run is worth a question."""
TOO_LONG = 30 * 86_400.0
"""Seconds beyond which nobody means to wait, where nobody can be asked."""
MOST_OF_MEMORY = 0.8
"""The share of the memory that is available from which a run is worth a question."""
FACTOR = 3.0
"""By which an estimate may be too much."""
BASE_SECONDS = 20.0
"""Of any run: to import torch, to build the model, and to draw the figures."""


@dataclass(frozen=True)
class Estimate:
    """What a run will take.

    Attributes:
        trials: how many trials it has.
        events: the rows of all their ledgers.
        seconds: wall-clock seconds, with as many trials at once as cores and memory allow.
        bytes: memory, at its fullest.
        at_once: how many trials run at once, if there are as many.
    """

    trials: int
    events: float
    seconds: float
    bytes: float
    at_once: int = 1

    @property
    def is_long(self) -> bool:
        """Whether it is worth a question, for its time or its memory."""
        return self.seconds > LONG or self.bytes > MOST_OF_MEMORY * available_memory()

    @property
    def is_out_of_reach(self) -> bool:
        """Whether it cannot be meant: a month, or more memory than there is, even if the estimate is too much."""
        base = min(self.trials, self.at_once) * BASE_BYTES  # which any trials take
        return self.seconds > TOO_LONG or self.bytes - base > FACTOR * available_memory()

    @property
    def takes(self) -> str:
        """What it takes, as a phrase such as "takes roughly 3 hours and 2 GB of memory: 4 trials, 12 M events"."""
        trials = f"{self.trials:,} trial{'s' * (self.trials > 1)}"
        free = available_memory()
        of = f" ({human('bytes', free)} are available)" if free < UNKNOWN else ""
        takes = f"{_duration(self.seconds)} and {human('bytes', self.bytes)} of memory{of}"
        return f"takes roughly {takes}: {trials}, {human('count', self.events)} events"


def estimate(scenario: Scenario, dry: bool, jobs: int | None = None) -> Estimate | None:
    """Return what a run of a scenario will take; None if it is a short dry run by any reckoning, or nobody can tell.

    It is right within a factor of about three, and tends to be too much: work that is done once and remembered (a
    frozen part of a model) is counted each time, and so is memory that is shared.

    Args:
        scenario: what to run.
        dry: whether it is simulated without training.
        jobs: how many trials run at once; None: as many as cores and memory allow.
    """
    if dry and is_short(scenario, LONG / 10):
        return None
    return _together([scenario], len(scenario.seeds), dry, jobs or (1 if dry else None))


def estimate_sweep(
    scenarios: Sequence[Scenario], points: int, dry: bool, workers: int | None = None
) -> Estimate | None:
    """Return what a sweep will take, if none of its trials is done yet; None as for ``estimate``.

    Args:
        scenarios: the scenarios of some points, evenly chosen.
        points: how many points there are.
        dry: whether they are simulated without training.
        workers: how many trials run at once; None: as many as cores and memory allow.
    """
    if dry and all(is_short(scenario, LONG / 10 / points) for scenario in scenarios):
        return None
    seeds = max(len(scenario.seeds) for scenario in scenarios)
    return _together(scenarios, seeds * points / len(scenarios), dry, workers)


def _together(scenarios: Sequence[Scenario], times: float, dry: bool, wanted: int | None) -> Estimate | None:
    """Return what all trials take together.

    Args:
        scenarios: scenarios whose trials stand for all.
        times: how many trials each of theirs stands for.
        dry: whether they are simulated without training.
        wanted: how many trials run at once; None: as many as cores and memory allow.
    """
    costs = [
        (scenario, cost)
        for scenario in scenarios
        for entry in scenario.algorithms
        if (cost := trial_cost(scenario, entry, dry))
    ]
    if not costs:
        return None
    trials = max(1, round(times * len(costs)))
    most = BASE_BYTES + max(cost.bytes for _, cost in costs)
    at_once = wanted or _fitting(scenarios, dry, most)
    busy = min(trials, at_once)

    def seconds(flops_per_s: Callable[[Scenario], float]) -> float:
        each = (
            cost.seconds + cost.flops / flops_per_s(scenario) if cost.flops else cost.seconds
            for scenario, cost in costs
        )
        return BASE_SECONDS + times * sum(each) / busy

    total = seconds(lambda scenario: SLOWEST_FLOPS_PER_S * scenario.threads)
    if total > LONG and not dry:
        total = seconds(training_rate)
    return Estimate(trials, times * sum(cost.rows for _, cost in costs), total, busy * most, at_once)


def _fitting(scenarios: Sequence[Scenario], dry: bool, nbytes: float) -> int:
    """Return how many trials of so many bytes run at once if nobody says."""
    if any(torch_device(scenario, dry) == "cuda" for scenario in scenarios):
        return 1
    return workers_that_fit(1 if dry else max(scenario.threads for scenario in scenarios), nbytes)


def _duration(seconds: float) -> str:
    """Return a duration in the unit in which people plan."""
    for unit, size in (("years", 365.25 * 86_400), ("days", 86_400.0), ("hours", 3600.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    minutes = max(1, round(seconds / 60))
    return f"{minutes} minute{'s' * (minutes > 1)}"
