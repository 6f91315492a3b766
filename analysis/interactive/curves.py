"""Accuracy or loss over time, traffic or energy: one staircase per label, on a band if there are several seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis import style
from analysis.accuracy import COSTS, Against, accuracy_curves, with_a_place
from analysis.goal import Target
from analysis.headline import SAMPLES
from analysis.interactive.figure import Chart, Figure, Knob, Look, Ruler, layout, numbers, plain, ruler
from analysis.measures import by_loss, present
from analysis.personal import has_personal_models
from analysis.runs import Run
from analysis.tasks import worded
from simulator.settings.humanize import Kind

ACCURACIES = {
    "accuracy": "On the test set",
    "personal_accuracy": "Personal",
    "personal_accuracy_worst_decile": "Personal, worst decile",
    "personal_accuracy_participants": "Personal, participants",
    "personal_accuracy_participants_worst_decile": "Participants, worst decile",
}
"""The columns of `rounds.csv` that may hold an accuracy, and their names in a report."""
LEARNED = {"loss": "Loss"} | ACCURACIES
PARTICIPANTS = "personal_accuracy_participants"

_OPTIONS: dict[Against, str] = {"time": "Time", "bytes": "Bytes", "energy": "Energy", "updates": "Updates"}
_OPTIONS |= {"money": "Money", "carbon": "Carbon"}
_MOST_MARKERS = 12
# The steps of all figures together, and of one line. More would make the file heavy without a visible difference.
_MOST_STEPS, _FEWEST_STEPS_A_LINE, _MOST_STEPS_A_LINE = 4000, 40, 600


def accuracy_chart(run: Run) -> Chart | None:
    """Return the chart of each kind of accuracy that a run has, against each running cost; None if it has none."""
    columns = [column for column in ACCURACIES if present(run.rounds, column)]
    if has_personal_models(run.summary) is False:
        columns = columns[:1]  # all devices share a model
    if not columns:
        return None
    columns = ["loss", *columns] if by_loss(run) else columns
    options = [name for name in _OPTIONS if _all_known(run, COSTS[name].columns)]
    figures = {
        f"{first}|{second}": accuracy_figure(run, against, column)
        for first, against in enumerate(options)
        for second, column in enumerate(columns)
    }
    knobs = (
        Knob("against", tuple(_OPTIONS[against] for against in options)),
        Knob(columns[0], tuple(_option(run, column) for column in columns)),
    )
    highest = "of accuracy that is highest, or of loss that is lowest," if "loss" in columns else "that is highest"
    caption = (
        f"The line {highest} at what you can afford is the one to take; a step is one evaluation. "
        "Point at a line for its figures, drag to zoom, double-click to zoom out."
    )
    if len(columns) > 1 + ("loss" in columns):
        caption += " Personal is the mean over devices, each with its own model on its own mix of classes"
        caption += "; participants are those that were in a cohort." if present(run.rounds, PARTICIPANTS) else "."
    caption += noise_said(run)
    title = f"{columns[0].capitalize()} over what it costs"
    return Chart("accuracy", title, worded(caption, run.task), figures, knobs, tuple(run.labels), "Learning")


def accuracy_figure(run: Run, against: Against, column: str = "accuracy") -> Figure:
    """Return the figure of one kind of accuracy against one running cost: a line per label, mean over seeds.

    Args:
        run: the run.
        against: the running cost.
        column: the column of the rounds that holds the accuracy, or the loss.
    """
    cost, curves = COSTS[against], accuracy_curves(run, against, column)
    unit = ruler(cost.kind, cost.axis, [float(curve["x"].iloc[-1]) for curve in curves.values()])
    logarithmic = unit.axis.get("type") == "log"
    curves = {label: with_a_place(curve, logarithmic) for label, curve in curves.items()}
    kinds = sum(present(run.rounds, name) for name in (LEARNED if by_loss(run) else ACCURACIES))
    most = _MOST_STEPS // max(1, len(curves) * kinds)
    most = min(max(most, _FEWEST_STEPS_A_LINE), _MOST_STEPS_A_LINE)
    curves = {label: _thinned(curve, most) for label, curve in curves.items()}
    traces: list[dict[str, Any]] = []
    for label, curve in curves.items():
        look = Look.of(run.places[label])
        if (curve["seeds"] > 1).any():
            traces += _band(label, curve, unit, look)
        traces.append(_line(label, curve, unit, look, cost.kind, _format(column)))
    frame = layout(430, unit.axis | ({} if logarithmic else {"rangemode": "tozero"}), _axis(run, column))
    if run.target is not None and column == run.target.goal:
        frame |= _target(run.target)
    return {"data": traces, "layout": frame}


def noise_said(run: Run) -> str:
    """Return a sentence on how noisy curves of a single seed are, after a space; empty with more seeds."""
    if any(len(run.seeds(label)) > 1 for label in run.labels):
        return ""
    samples = set(run.summary[SAMPLES].dropna())
    size = f", {samples.pop():,.0f} test samples" if len(samples) == 1 else ""
    return f" All curves are noisy: one seed{size}."


def _all_known(run: Run, columns: Sequence[str]) -> bool:
    """Return whether these columns are known of all rounds, of all trials."""
    return set(columns) <= set(run.rounds) and bool(run.rounds[list(columns)].notna().all(axis=None))


def _option(run: Run, column: str) -> str:
    """Return the text of the button of a column."""
    return worded("Accuracy", run.task) if column == "accuracy" and by_loss(run) else LEARNED[column]


def _format(column: str) -> str:
    """Return the format of Plotly in which the numbers of a column are shown."""
    return ".4~g" if column == "loss" else ".4~p"


def _axis(run: Run, column: str) -> dict[str, Any]:
    name = ACCURACIES.get(column, ACCURACIES["accuracy"])
    what = "loss (nats)" if column == "loss" else worded("accuracy", run.task)
    return {"title": {"text": f"{what}, {name[0].lower()}{name[1:]}"}, "tickformat": _format(column)}


def _line(label: str, curve: pd.DataFrame, unit: Ruler, look: Look, kind: Kind, numbers_as: str) -> dict[str, Any]:
    line: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": plain(label),
        "legendgroup": label,
        "x": numbers(curve["x"], unit.divisor),
        "y": numbers(curve["mean"]),
        "line": {"shape": "hv", "color": look.colour, "dash": look.dash, "width": 2.2},
        "marker": look.marker() | {"maxdisplayed": _MOST_MARKERS},
        "meta": plain(label),
    }
    spread = ""
    if (curve["seeds"] > 1).any():
        line["customdata"] = [
            [*numbers(row), int(seeds)]
            for *row, seeds in curve[["low", "high", "seeds"]].itertuples(index=False, name=None)
        ]
        spread = f" (%{{customdata[0]:{numbers_as}}} to %{{customdata[1]:{numbers_as}}}, seeds: %{{customdata[2]}})"
    cost = {
        "bytes": "%{x:.5~s}B",
        "joules": "%{x:.5~s}J",
        "count": "%{x:,.5~g}",
        "usd": "%{x:,.5~g} USD",
        "kg": "%{x:,.5~g} kg",
    }.get(kind, "%{x:,.5~g} s")
    if unit.axis.get("type") != "log":
        cost = f"%{{x:,.5~g}} {unit.unit}".rstrip()
    line["hovertemplate"] = (
        f"<b>%{{meta}}</b><br>%{{y:{numbers_as}}}{spread}<br>after {cost}{' updates' if kind == 'count' else ''}"
        "<extra></extra>"
    )
    return line


def _thinned(curve: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return at most so many steps of a curve, evenly chosen; the first and the last are always kept."""
    if len(curve) <= most:
        return curve
    return curve.iloc[np.unique(np.linspace(0, len(curve) - 1, most).round().astype(int))]


def _band(label: str, curve: pd.DataFrame, unit: Ruler, look: Look) -> list[dict[str, Any]]:
    """Return the traces of a band from the lowest to the highest seed: an invisible edge, and one that fills to it."""
    edge: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines",
        "legendgroup": label,
        "x": numbers(curve["x"], unit.divisor),
        "line": {"shape": "hv", "color": look.colour, "width": 0},
        "hoverinfo": "skip",
    }
    red, green, blue = (int(look.colour[start : start + 2], 16) for start in (1, 3, 5))
    fill = {"fill": "tonexty", "fillcolor": f"rgba({red},{green},{blue},0.16)"}
    return [edge | {"y": numbers(curve["low"])}, edge | {"y": numbers(curve["high"])} | fill]


def _target(target: Target) -> dict[str, Any]:
    across = {"xref": "paper", "yref": "y"}
    line = {"type": "line", "x0": 0, "x1": 1, "y0": target.value, "y1": target.value, "layer": "below"}
    text = {"x": 0, "y": target.value, "text": f"target {target.number}", "showarrow": False}
    return {
        "shapes": [across | line | {"line": {"color": style.QUIET, "width": 1, "dash": "dash"}}],
        "annotations": [across | text | {"xanchor": "left", "yanchor": "bottom", "font": {"color": style.QUIET}}],
    }
