"""What the models of a scenario learn from its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.tasks import NEXT_TOKEN

if TYPE_CHECKING:
    from simulator.scenario.scenario import Scenario


def task_of(scenario: Scenario) -> str:
    """Return the task of a scenario's data: ``classification``, ``next_token`` or ``multiple_choice``.

    Raises:
        ScenarioError: the data cannot be used; the message names the line.
    """
    from simulator.experiments.trial.model import load  # late, for it loads torch

    return load(scenario).task


def predicts_tokens(scenario: Scenario) -> bool:
    """Return whether the models of a scenario predict the next token, and are compared by their loss."""
    return task_of(scenario) == NEXT_TOKEN
