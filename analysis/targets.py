"""When each algorithm holds each of several accuracies, or losses, and what it has spent by then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, inf, isnan

import pandas as pd

from analysis.goal import Goal, Target
from analysis.measures import NOT_HELD, UNITS, Cell, Column, cells_of, goal_of
from analysis.runs import Run
from analysis.verdict.contender import Contender
from simulator.settings.humanize import Kind

STEPS = (10, 5, 2, 1)
"""How far targets are apart, in points: the largest of these with which there are enough of them."""
NATS = (100, 50, 20, 10, 5, 2, 1)
"""The same of losses, in hundredths of a nat."""
MOST = 12
"""There are at most so many losses: of more, those that are easiest to reach are left out."""
ENOUGH = 4
SPENT: dict[str, tuple[Kind, str]] = {
    "Time": ("seconds", "simulated time"),
    "Bytes": ("bytes", "traffic"),
    "Energy": ("joules", "energy of the devices"),
}
"""What is told of the way to a target: by option, its kind and its name."""


@dataclass(frozen=True)
class Targets:
    """What algorithms spend until they hold each of several accuracies, or losses.

    Attributes:
        accuracies: the accuracies, fractions, the lowest first; or the losses, the highest first.
        asked: the target of the scenario, which is one of them; None if it has none within reach.
        spent: by option of `SPENT`, a row for each trial, with its label and a column for each accuracy: what it had
            spent when it held it (SI), NaN if it never does.
        goal: whether they are accuracies or losses.
    """

    accuracies: tuple[float, ...]
    asked: float | None
    spent: Mapping[str, pd.DataFrame]
    goal: Goal = "accuracy"

    def said(self, accuracy: float) -> str:
        """Return one of them in words, such as "30 %" or "Loss of 2.5"."""
        return Target(accuracy, self.goal).heading

    def columns(self, option: str) -> list[Column]:
        """Return the columns of a table with a row for each label: one for each accuracy."""
        kind, name = SPENT[option]
        table = self.spent[option]
        return [
            Column(
                f"{name[0].upper()}{name[1:]} until it holds",
                f"{self.said(accuracy)}{' (the target)' if accuracy == self.asked else ''}",
                False,
                tuple(map(_held, cells_of(kind, table[accuracy], table["label"], more_is_better=False))),
                UNITS.get(kind, ""),
            )
            for accuracy in self.accuracies
        ]

    def means(self, option: str) -> pd.DataFrame:
        """Return the mean over seeds, a row for each label; NaN where a seed does not hold the accuracy."""
        table = self.spent[option].groupby("label", sort=False)[list(self.accuracies)]
        return table.mean().where(table.count().eq(table.size(), axis=0))


def targets_of(run: Run) -> Targets | None:
    """Return what each algorithm of a run spends until it holds several accuracies; None if none is ever held.

    The accuracies are multiples of 10 points, or of fewer where that gives but a few, from above the accuracy before
    training to the highest that is held with any seed. Of language models, and where there is a target loss, they are
    losses, from below the loss before training to the lowest that is held.
    """
    contenders = Contender.all_of(run)
    goal = run.target.goal if run.target else goal_of(run)
    curves = [curve for each in contenders for seed in each.seeds if (curve := each.curve(seed, goal))]
    if goal == "loss":
        best = min((max(pair) for curve in curves for pair in pairwise(curve) if not isnan(sum(pair))), default=inf)
        start = min((curve[0] for curve in curves if not isnan(curve[0])), default=0.0)
        targets = losses_between(start, best)
    else:
        best = max((min(pair) for curve in curves for pair in pairwise(curve)), default=0.0)
        targets = steps_between(max((curve[0] for curve in curves), default=0.0), best)
    asked = run.target.value if run.target and run.target.value else None
    if asked and (asked < best if goal == "loss" else asked > best):
        asked = None
    targets = sorted({*targets, *([asked] if asked else [])}, reverse=goal == "loss")
    if not targets:
        return None
    spent = {name: _spent(contenders, [Target(value, goal) for value in targets], name) for name in _known(run)}
    return Targets(tuple(targets), asked, spent, goal)


def losses_between(high: float, low: float) -> list[float]:
    """Return round losses below one loss and down to another, the highest first.

    >>> losses_between(4.6, 2.31), losses_between(1.204, 1.188)
    ([4.5, 4.0, 3.5, 3.0, 2.5], [1.2, 1.19])
    """
    found: list[float] = []
    for step in NATS if low < inf else ():
        last, first = ceil(100 * low / step - 1e-9), ceil(100 * high / step - 1e-9) - 1
        found = [step * number / 100 for number in range(first, last - 1, -1) if number > 0]
        if len(found) >= ENOUGH:
            break
    return found[-MOST:]


def steps_between(low: float, high: float) -> list[float]:
    """Return round accuracies above one accuracy and up to another, all of them fractions.

    >>> steps_between(0.11, 0.53), steps_between(0.9, 0.925)
    ([0.2, 0.3, 0.4, 0.5], [0.91, 0.92])
    """
    found: list[float] = []
    for step in STEPS:
        first, last = floor(100 * low / step + 1e-9) + 1, floor(100 * high / step + 1e-9)
        found = [step * number / 100 for number in range(first, last + 1)]
        if len(found) >= ENOUGH:
            break
    return found


def _held(cell: Cell) -> Cell:
    return cell if cell.value is not None else Cell(NOT_HELD)


def _known(run: Run) -> Sequence[str]:
    """Return the options of `SPENT` whose running totals are known."""
    needed = {"Bytes": ("bytes_up", "bytes_down"), "Energy": ("client_energy_j",)}
    return [name for name in SPENT if bool(run.rounds[list(needed.get(name, ()))].notna().all(axis=None))]


def _spent(contenders: Sequence[Contender], targets: Sequence[Target], option: str) -> pd.DataFrame:
    """Return a row for each trial: its label, and what it had spent when it held each target, by its value."""
    kind, _ = SPENT[option]
    rows = []
    for each in contenders:
        held = {target.value: each.held(target) for target in targets}
        for seed in each.seeds:
            row: dict[object, object] = {"label": each.label}
            for value, moments in held.items():
                moment = moments.get(seed)
                if moment is None:
                    row[value] = float("nan")
                else:
                    row[value] = moment if kind == "seconds" else each.spent(kind, {seed: moment})
            rows.append(row)
    return pd.DataFrame(rows).astype({target.value: "float64" for target in targets})
