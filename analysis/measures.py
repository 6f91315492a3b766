"""The table of a run: what each algorithm reached and what it cost, as means over seeds in readable units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

from analysis.headline import ACCURACY, HELD, accuracy_of, accuracy_said, sampling_errors
from analysis.quantities import kind_of
from analysis.runs import Run
from analysis.settled import points
from simulator.settings.humanize import MISSING, Kind, Scale, common_scale, human, human_spread, scale


@dataclass(frozen=True)
class Cell:
    """One value of the table.

    Attributes:
        text: the value as shown.
        value: the mean behind it, in SI; None where there is none.
        best: whether it is the best of its measure.
    """

    text: str
    value: float | None = None
    best: bool = False


@dataclass(frozen=True)
class Column:
    """One measure of the table.

    Attributes:
        group: the name of its group, such as "Traffic".
        name: its name within the group.
        more_is_better: whether the highest value is the best one.
        cells: a cell for each label, in the order of the run.
    """

    group: str
    name: str
    more_is_better: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class _Measure:
    """A row of the list of measures: where it stands in the table, and the column of the summary that it shows.

    Of those that have a value, some are shown only if one is not zero, if not all trials aggregate the same, or if one
    is at least `_BUSY`. Some have no best.
    """

    group: str
    name: str
    column: str
    kind: Kind
    more_is_better: bool = False
    shown: Literal["always", "nonzero", "uneven", "busy"] = "always"
    marked: bool = True


_BUSY = 0.01
"""From this utilisation on a server is worth a column: one that only aggregates is idle nearly all the time."""
_MEASURES = (
    _Measure("Learning", "Settled accuracy", ACCURACY, "fraction", more_is_better=True),
    _Measure("Learning", "Time to target, held", HELD, "seconds"),
    _Measure("Learning", "Final accuracy", "final_accuracy", "fraction", more_is_better=True),
    _Measure("Learning", "Best accuracy", "best_accuracy", "fraction", more_is_better=True),
    _Measure("Learning", "Personal accuracy", "personal_accuracy", "fraction", more_is_better=True),
    _Measure("Learning", "Personal, worst decile", "personal_accuracy_worst_decile", "fraction", more_is_better=True),
    _Measure("Learning", "Personal, participants", "personal_accuracy_participants", "fraction", more_is_better=True),
    _Measure(
        *("Learning", "Participants, worst decile", "personal_accuracy_participants_worst_decile", "fraction"),
        more_is_better=True,
    ),
    _Measure("Learning", "Trainable parameters", "trainable_parameters", "count"),
    _Measure("Updates", "Aggregated", "updates", "count", more_is_better=True, shown="uneven", marked=False),
    _Measure("Updates", "Lost", "lost_updates", "count", shown="nonzero"),
    _Measure("Updates", "Mean staleness", "mean_staleness", "count", shown="nonzero"),
    _Measure("Time", "Time to target", "time_to_target_s", "seconds"),
    _Measure("Time", "Simulated time", "sim_time_s", "seconds"),
    _Measure("Time", "First round", "first_round_s", "seconds"),
    _Measure("Time", "Later round", "later_round_s", "seconds"),
    _Measure("Server", "Busy", "server_utilisation", "fraction", shown="busy", marked=False),
    _Measure("Server", "Mean wait", "server_wait_s", "seconds", shown="nonzero", marked=False),
    _Measure("Server", "Mean queue", "server_queue_length", "count", shown="nonzero", marked=False),
    _Measure("Traffic", "Sent up", "bytes_up", "bytes"),
    _Measure("Traffic", "Sent down", "bytes_down", "bytes"),
    _Measure("Traffic", "of which provisioning", "bytes_provisioning", "bytes"),
    _Measure("Traffic", "Edges sent up", "bytes_edge_up", "bytes", shown="nonzero"),
    _Measure("Traffic", "Edges were sent", "bytes_edge_down", "bytes", shown="nonzero"),
    _Measure("Work", "Device FLOPs", "client_flops", "flops"),
    _Measure("Work", "Server FLOPs", "server_flops", "flops"),
    _Measure("Energy", "Devices", "client_energy_j", "joules"),
    _Measure("Energy", "Devices, per update", "energy_per_update_j", "joules", shown="uneven"),
    _Measure("Energy", "Server", "server_energy_j", "joules"),
    _Measure("Money", "Cost", "cost_usd", "usd"),
    _Measure("Money", "Cost to target", "cost_to_target_usd", "usd"),
    _Measure("Carbon", "Emissions", "carbon_kg", "kg"),
    _Measure("Carbon", "Emissions to target", "carbon_to_target_kg", "kg"),
    _Measure("Peak memory", "of a device", "peak_client_memory_bytes", "bytes"),
    _Measure("Peak memory", "of the server", "peak_server_memory_bytes", "bytes"),
    _Measure("In vain", "Device time", "wasted_device_seconds", "seconds", shown="nonzero"),
    _Measure("In vain", "Bytes", "wasted_bytes", "bytes", shown="nonzero"),
    _Measure("In vain", "FLOPs", "wasted_flops", "flops", shown="nonzero"),
    _Measure("In vain", "Energy", "wasted_energy_j", "joules", shown="nonzero"),
)

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
    for measure in _MEASURES:
        if _is_shown(run, measure):
            cells = _cells(run, measure)
            if not measure.marked or measure.column == SPENT.get(run.limited):
                cells = tuple(replace(cell, best=False) for cell in cells)
            columns.append(Column(measure.group, measure.name, measure.more_is_better, cells))
        if measure.column == ACCURACY and (errors := sampling_errors(run.summary)):
            known = [errors.get(label) for label in run.labels]
            cells = tuple(Cell(f"± {points(error)} %", error) if error else Cell(MISSING) for error in known)
            columns.append(Column(measure.group, "Sampling error", False, cells))
    return columns


def _is_shown(run: Run, measure: _Measure) -> bool:
    if not present(run.summary, measure.column):
        return measure.column in (HELD, "time_to_target_s") and _missed(run)
    if measure.shown == "busy":
        return bool((run.summary[measure.column] >= _BUSY).any())
    if measure.shown == "nonzero":
        return nonzero(run.summary, measure.column)
    return measure.shown == "always" or uneven(run.summary)


def highlights(run: Run) -> list[tuple[str, str, str]]:
    """Return what a reader wants first, as far as the run can tell: (what, which label, how much)."""
    questions = [
        _Measure("Learning", "Most accurate", accuracy_of(run.summary), "fraction", more_is_better=True),
        _Measure("Learning", "Most accurate on its own data", "personal_accuracy", "fraction", more_is_better=True),
        _Measure("Learning", f"First to hold {human('fraction', run.target_accuracy)}", HELD, "seconds"),
        _Measure("Learning", f"Cheapest to {human('fraction', run.target_accuracy)}", "cost_to_target_usd", "usd"),
        *(_Measure("", question, column, kind_of(column)) for question, column in costs_asked(run.limited)),
        _Measure("", "Least memory on a device", "peak_client_memory_bytes", "bytes"),
    ]
    answers = []
    for measure in questions:
        if not present(run.summary, measure.column):
            continue
        winners = [label for label, cell in zip(run.labels, _cells(run, measure), strict=True) if cell.best]
        if winners:
            rows = run.summary[run.summary["label"] == winners[0]]
            value = _text(measure.kind, _values(rows, measure.column), unit=None)
            if measure.column == accuracy_of(run.summary):
                value = accuracy_said(rows)
            if measure.group != "Learning" and present(run.summary, "final_accuracy"):
                value = f"{value}, {_accuracies(run, winners)}"  # what is cheap may have learned nothing
            answers.append((measure.name, _listed(winners), value))
    return answers


def _accuracies(run: Run, labels: Sequence[str]) -> str:
    """Return in words how accurate these labels are, from the lowest to the highest mean over seeds."""
    means = run.summary.groupby("label")[accuracy_of(run.summary)].mean()[list(labels)]
    texts = dict.fromkeys(human("fraction", float(end)) for end in (means.min(), means.max()))
    return f"{' to '.join(texts)} accurate"


def _missed(run: Run) -> bool:
    """Return whether a target was set and accuracy measured: then the table says so even if no label reached it."""
    return run.target_accuracy is not None and present(run.summary, "final_accuracy")


def _cells(run: Run, measure: _Measure) -> tuple[Cell, ...]:
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
    mean = float(known.mean())
    text = human_spread(mean, float(known.std()), unit or scale(kind, mean))
    return text if len(known) == len(values) else f"{text} ({len(known)} of {len(values)} seeds)"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
