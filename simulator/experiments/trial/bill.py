"""By what a trial is billed: the prices and the carbon intensities of its scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.experiments.trial.result import Bill
from simulator.settings.humanize import human

if TYPE_CHECKING:
    from simulator.scenario.scenario import Entry, Scenario
    from simulator.settings.seeds import Seeds


def bill_of(scenario: Scenario, seeds: Seeds, start: float, end: float) -> Bill:
    """Return by what a trial is billed.

    Args:
        scenario: the scenario.
        seeds: the random streams of the trial.
        start, end: the clock at the beginning and at the end of the trial, in seconds.
    """
    prices, carbon = scenario.prices, scenario.carbon
    return Bill(
        start,
        end,
        None if prices is None else prices.prices(group.name for group in scenario.world.devices),
        None if carbon is None else carbon.grid(seeds),
    )


def check_intensity_known(scenario: Scenario, entry: Entry, moment: float) -> None:
    """Check that the carbon intensity is known until a moment that a trial reaches.

    Args:
        scenario: the scenario.
        entry: the algorithm of the trial.
        moment: the moment, in seconds of the clock.

    Raises:
        ScenarioError: the trace of intensities ends before it, and does not say what holds after that.
    """
    if scenario.carbon is not None and moment > (known := scenario.carbon.known_until):
        ends, lasts = human("seconds", known), human("seconds", moment)
        problem = f"the trace ends at {ends}, and {entry.label} goes on after that, to {lasts} or more"
        raise scenario.error(("carbon", "signal", "after"), None, problem, "hold, repeat, or a longer trace")
