"""When each algorithm holds each of several accuracies, and what it has spent by then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import floor

import pandas as pd

from analysis.measures import NOT_HELD, UNITS, Cell, Column, cells_of
from analysis.runs import Run
from analysis.verdict.contender import Contender
from simulator.settings.humanize import Kind, human

STEPS = (10, 5, 2, 1)
"""How far targets are apart, in points: the largest of these with which there are enough of them."""
ENOUGH = 4
SPENT: dict[str, tuple[Kind, str]] = {
    "Time": ("seconds", "simulated time"),
    "Bytes": ("bytes", "traffic"),
    "Energy": ("joules", "energy of the devices"),
}
"""What is told of the way to a target: by option, its kind and its name."""


@dataclass(frozen=True)
class Targets:
    """What algorithms spend until they hold each of several accuracies.

    Attributes:
        accuracies: the accuracies, fractions, the lowest first.
        asked: the target of the scenario, which is one of them; None if it has none within reach.
        spent: by option of `SPENT`, a row for each trial, with its label and a column for each accuracy: what it had
            spent when it held it (SI), NaN if it never does.
    """

    accuracies: tuple[float, ...]
    asked: float | None
    spent: Mapping[str, pd.DataFrame]

    def columns(self, option: str) -> list[Column]:
        """Return the columns of a table with a row for each label: one for each accuracy."""
        kind, name = SPENT[option]
        table = self.spent[option]
        return [
            Column(
                f"{name[0].upper()}{name[1:]} until it holds",
                f"{human('fraction', accuracy)}{' (the target)' if accuracy == self.asked else ''}",
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
    training to the highest that is held with any seed.
    """
    contenders = Contender.all_of(run)
    curves = [curve for each in contenders for seed in each.seeds if (curve := each.curve(seed))]
    highest = max((min(pair) for curve in curves for pair in pairwise(curve)), default=0.0)
    accuracies = steps_between(max((curve[0] for curve in curves), default=0.0), highest)
    asked = run.target_accuracy if run.target_accuracy and run.target_accuracy <= highest else None
    accuracies = sorted({*accuracies, *([asked] if asked else [])})
    if not accuracies:
        return None
    return Targets(tuple(accuracies), asked, {name: _spent(contenders, accuracies, name) for name in _known(run)})


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


def _spent(contenders: Sequence[Contender], accuracies: Sequence[float], option: str) -> pd.DataFrame:
    """Return a row for each trial: its label, and what it had spent when it held each accuracy."""
    kind, _ = SPENT[option]
    rows = []
    for each in contenders:
        held = {accuracy: each.held(accuracy) for accuracy in accuracies}
        for seed in each.seeds:
            row: dict[object, object] = {"label": each.label}
            for accuracy in accuracies:
                moment = held[accuracy].get(seed)
                if moment is None:
                    row[accuracy] = float("nan")
                else:
                    row[accuracy] = moment if kind == "seconds" else each.spent(kind, {seed: moment})
            rows.append(row)
    return pd.DataFrame(rows).astype(dict.fromkeys(accuracies, "float64"))
