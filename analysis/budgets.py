"""Accuracy or loss at equal budgets: what algorithms had reached by the same time, the same updates, the same bytes."""

from __future__ import annotations

import pandas as pd

from analysis.accuracy import COSTS, Against
from analysis.goal import KINDS, Goal
from analysis.measures import Column, cells_of, goal_of, present
from analysis.runs import Run
from simulator.settings.humanize import human

_BUDGETS: dict[Against, str] = {"time": "Time", "updates": "Updates", "bytes": "Traffic", "money": "Money"}
_ROUNDING = 1e-9


def equal_budgets(run: Run) -> list[Column]:
    """Return a column for each budget: the accuracy of the last evaluation within it, mean over seeds.

    Of language models it is the loss. The budget is the largest that all trials reach. There is none without
    accuracies, or with one label only.

    Args:
        run: the run.
    """
    if len(run.labels) < 2 or not present(run.rounds, "accuracy"):
        return []
    columns, goal = [], goal_of(run)
    for against, name in _BUDGETS.items():
        cost = COSTS[against]
        if not all(present(run.rounds, column) for column in cost.columns):
            continue
        spent = run.rounds[list(cost.columns)].sum(axis=1, skipna=False)
        budget = float(spent.groupby([run.rounds["label"], run.rounds["seed"]]).max().min(skipna=False))
        if budget > 0:  # neither nothing nor NaN, as where a run of an earlier version is compared
            more_is_better, values = goal == "accuracy", _within(run, spent, budget, goal)
            cells = cells_of(KINDS[goal], values, run.summary["label"], more_is_better)
            name = f"{name}: {human(cost.kind, budget)}"
            columns.append(Column(f"{goal.capitalize()} within", name, more_is_better, cells))
    return columns


def _within(run: Run, spent: pd.Series, budget: float, goal: Goal) -> pd.Series:
    """Return accuracy or loss of the last evaluation of each trial within a budget, in the order of the summary.

    Args:
        run: the run.
        spent: what had been spent at each row of the rounds.
        budget: the most that may have been spent.
        goal: which of the two.
    """
    rows = run.rounds[(spent <= budget * (1 + _ROUNDING)) & run.rounds["accuracy"].notna()]
    last = rows.sort_values("round", kind="stable").groupby(["label", "seed"])[goal].last()
    trials = zip(run.summary["label"], run.summary["seed"], strict=True)
    return pd.Series([float(last.get(trial, float("nan"))) for trial in trials], index=run.summary.index)
