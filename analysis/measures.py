"""The table of a run: what each algorithm reached and what it cost, as means over seeds in readable units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from analysis.goal import Goal
from analysis.headline import ACCURACY, HELD, SAMPLES, accuracy_of, sampling_errors
from analysis.personal import has_personal_models
from analysis.runs import Run
from analysis.settled import points
from analysis.table_measures import MEASURES, TableMeasure
from analysis.tasks import NEXT_TOKEN, SEVERAL, counts_samples, worded
from simulator.settings.humanize import MISSING, Kind, Scale, common_scale, human, human_spread, scale


@dataclass(frozen=True)
class Cell:
    """One value of the table.

    Attributes:
        text: the value as shown.
        value: the mean behind it, in SI; None where there is none.
        best: whether it is the best of its measure.
        note: what belongs beside the value, such as the size of the test set of an accuracy.
    """

    text: str
    value: float | None = None
    best: bool = False
    note: str = ""


@dataclass(frozen=True)
class Column:
    """One measure of the table.

    Attributes:
        group: the name of its group, such as "Traffic".
        name: its name within the group.
        more_is_better: whether the highest value is the best one.
        cells: a cell for each label, in the order of the run.
        unit: the SI unit of the values behind the cells; empty if they have none.
        essential: whether it stands in the first table of a report; the others are in a longer one.
    """

    group: str
    name: str
    more_is_better: bool
    cells: tuple[Cell, ...]
    unit: str = ""
    essential: bool = False


UNITS: dict[Kind, str] = {"seconds": "s", "bytes": "B", "flops": "FLOP", "joules": "J", "usd": "USD", "kg": "kg"}
"""The SI units of kinds of quantities, for those that have one, and of money."""
NOT_HELD = "not held"
SEEN = 0.0005
"""A deviation below this part of the mean is not shown: it does not change the three digits of the mean."""
_BUSY = 0.01
"""From this utilisation on a server is worth a column: one that only aggregates is idle nearly all the time."""
SPENT = {"seconds": "sim_time_s", "bytes": "bytes"}
"""By what a budget limits, the cost that is then nothing but the budget, and compares nothing."""


def costs_asked(limited: str) -> list[tuple[str, str]]:
    """Return which costs a reader wants to know the least of, as pairs of a question and a column of the summary.

    At equal time, traffic and energy are least where least was aggregated, and are asked for each update instead.

    There are cost and carbon only where a scenario has prices and carbon intensities.

    Args:
        limited: what the budgets of all trials limit; empty if rounds end some of them.
    """
    if limited == "seconds":
        return [("Least device energy per update", "energy_per_update_j")]
    asked = [("Least simulated time", "sim_time_s"), ("Least traffic", "bytes")]
    asked.append(("Least device energy", "client_energy_j"))
    asked += [("Least cost", "cost_usd"), ("Least carbon", "carbon_kg")]
    return [(what, column) for what, column in asked if column != SPENT.get(limited)]


def uneven(frame: pd.DataFrame) -> bool:
    """Return whether not all trials aggregated the same number of updates, or updates were lost."""
    return nonzero(frame, "lost_updates") or (present(frame, "updates") and frame["updates"].nunique() > 1)


def present(frame: pd.DataFrame, column: str) -> bool:
    """Return whether a measure has any value: earlier versions lack some columns, and a dry run has no accuracy."""
    if column == "bytes":
        return True
    return column in frame and bool(pd.to_numeric(frame[column], errors="coerce").notna().any())


def nonzero(frame: pd.DataFrame, column: str) -> bool:
    """Return whether a column holds a number other than 0."""
    return column in frame and bool(pd.to_numeric(frame[column], errors="coerce").fillna(0).ne(0).any())


def measure_columns(run: Run) -> list[Column]:
    """Return all measures of which a run has a value, with the best label of each marked, or several if they tie."""
    columns = []
    for measure in MEASURES:
        if _is_shown(run, measure):
            cells = _cells(run, measure)
            apart = run.task == SEVERAL and (measure.group == "Learning" or measure.column == "time_to_target_s")
            if not measure.marked or apart or measure.column == SPENT.get(run.limited):
                cells = tuple(replace(cell, best=False) for cell in cells)
            if measure.column == accuracy_of(run.summary) and counts_samples(run.task):
                cells = _with_test_set(run, cells)
            if measure.column == HELD:
                cells = _with_misses(run, cells)
            essential = measure.essential or (measure.column == "personal_accuracy" and _tells_of_own_models(run))
            unit = UNITS.get(measure.kind, "")
            name = worded(measure.name, run.task)
            if measure.column == HELD and run.target:
                name = f"{run.target.heading} held after"
            columns.append(Column(measure.group, name, measure.more_is_better, cells, unit, essential))
        if measure.column == ACCURACY and counts_samples(run.task) and (errors := sampling_errors(run.summary)):
            known = [errors.get(label) for label in run.labels]
            cells = tuple(Cell(f"± {points(error)} %", error) if error else Cell(MISSING) for error in known)
            columns.append(Column(measure.group, "Sampling error", False, cells))
    return columns


def goal_of(run: Run) -> Goal:
    """Return by what the models of a run are compared: by accuracy, or by loss where they predict the next token."""
    return "loss" if run.task == NEXT_TOKEN else "accuracy"


def by_loss(run: Run) -> bool:
    """Return whether the loss of a run is of interest: it predicts the next token, or has a target loss."""
    return run.task == NEXT_TOKEN or (run.target is not None and run.target.goal == "loss")


def essential_columns(columns: Sequence[Column]) -> list[Column]:
    """Return the columns of the first table of a report, for a reader in a hurry."""
    return [column for column in columns if column.essential]


def rounds_said(run: Run) -> str:
    """Return sentences on what the first rounds of the table are, and the later ones; empty if it has none."""
    if not present(run.summary, "first_round_s"):
        return ""
    sentences = ["A first round has a device that takes part for the first time; in a later round all have before."]
    if nonzero(run.summary, "bytes_provisioning"):
        sentences.append("What is sent to each device once weighs on a short run, and no longer on a long one.")
    if not present(run.summary, "later_round_s"):
        sentences.append("No round of this run was a later one.")
    return " ".join(sentences)


def _with_test_set(run: Run, cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """Return cells of accuracies with the size of the test set beside each, where it is known."""
    sizes = run.summary.groupby("label", sort=False)[SAMPLES].agg(["min", "max"])
    known = [low if low == high else None for low, high in sizes.loc[run.labels].to_numpy(dtype=float)]
    return tuple(
        replace(cell, note=f"of {human('count', size)}") if size and cell.value is not None else cell
        for cell, size in zip(cells, known, strict=True)
    )


def _with_misses(run: Run, cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """Return cells of the time to the target that tell apart who does not hold it from who has no accuracy at all."""
    measured = run.summary.groupby("label", sort=False)["final_accuracy"].count()[run.labels]
    return tuple(
        replace(cell, text=NOT_HELD) if cell.value is None and known else cell
        for cell, known in zip(cells, measured, strict=True)
    )


def _tells_of_own_models(run: Run) -> bool:
    return bool(has_personal_models(run.summary))


def _is_shown(run: Run, measure: TableMeasure) -> bool:
    if not present(run.summary, measure.column):
        return measure.column in (HELD, "time_to_target_s") and _missed(run)
    if measure.shown == "loss":
        return by_loss(run)
    if measure.shown == "busy":
        return bool((run.summary[measure.column] >= _BUSY).any())
    if measure.shown == "personal":
        return has_personal_models(run.summary) is not False
    if measure.shown == "nonzero":
        return nonzero(run.summary, measure.column)
    return measure.shown == "always" or uneven(run.summary)


def _missed(run: Run) -> bool:
    """Return whether a target was set and accuracy measured: then the table says so even if no label reached it."""
    return run.target is not None and present(run.summary, "final_accuracy")


def _cells(run: Run, measure: TableMeasure) -> tuple[Cell, ...]:
    return cells_of(measure.kind, _values(run.summary, measure.column), run.summary["label"], measure.more_is_better)


def cells_of(kind: Kind, trials: pd.Series, labels: pd.Series, more_is_better: bool) -> tuple[Cell, ...]:
    """Return a cell for each label: the mean over its trials.

    Args:
        kind: the kind of quantity.
        trials: a value (SI) for each trial, NaN where there is none.
        labels: the label of each trial.
        more_is_better: whether the highest value is the best one.
    """
    values = [column for _, column in trials.groupby(labels, sort=False)]
    # The mean of a label that has a value for some seeds only does not compare with the others.
    means = [float(column.mean()) if column.notna().all() else None for column in values]
    unit = common_scale(kind, (float(column.mean()) for column in values))
    best = _best(means, more_is_better)
    return tuple(
        Cell(_text(kind, column, unit), _number(float(column.mean())), is_best)
        for column, is_best in zip(values, best, strict=True)
    )


def _best(means: Sequence[float | None], more_is_better: bool) -> list[bool]:
    """Return, for each mean, whether it is the best to three digits; none is if all are equal or there is only one."""
    shown = [None if mean is None else float(f"{mean:.3g}") for mean in means]
    known = [mean for mean in shown if mean is not None]
    if len(set(shown)) < 2:
        return [False] * len(means)
    best = max(known) if more_is_better else min(known)
    return [mean == best for mean in shown]


def _values(frame: pd.DataFrame, column: str) -> pd.Series:
    if column == "bytes":
        return frame["bytes_up"] + frame["bytes_down"]
    return pd.to_numeric(frame[column], errors="coerce")


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _text(kind: Kind, values: pd.Series, unit: Scale | None) -> str:
    known = values.dropna()
    if known.empty:
        return MISSING
    mean, deviation = float(known.mean()), float(known.std())
    if deviation < SEEN * abs(mean):
        deviation = 0.0
    text = human_spread(mean, deviation or math.nan, unit or scale(kind, mean))
    return text if len(known) == len(values) else f"{text} ({len(known)} of {len(values)} seeds)"
