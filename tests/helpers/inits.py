"""Scenarios that `sfsim init` writes."""

from simulator.experiments.trial.validate import check
from simulator.scenario.scenario import Scenario, load
from tests.helpers.commands import Sfsim


def written(sfsim: Sfsim, *arguments: str) -> Scenario:
    """The scenario that it writes with these words, which is valid."""
    status, _, err = sfsim("init", *arguments)
    assert (status, err) == (0, "")
    scenario = load("scenario.yaml")
    check(scenario)
    return scenario
