"""Accuracy against what it cost: simulated time, traffic or the devices' energy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from analysis import style
from analysis.end_labels import EndLabel, name_curves
from analysis.humanize import Kind, human, scale
from analysis.runs import Run
from analysis.scales import LOG_FROM, logarithmic

Against = Literal["time", "bytes", "energy"]


@dataclass(frozen=True)
class _Cost:
    columns: tuple[str, ...]
    kind: Kind
    axis: str
    title: str


_COSTS: dict[Against, _Cost] = {
    "time": _Cost(("sim_time_s",), "seconds", "simulated time", "Accuracy over time"),
    "bytes": _Cost(("bytes_up", "bytes_down"), "bytes", "traffic, up and down", "Accuracy over traffic"),
    "energy": _Cost(("client_energy_j",), "joules", "energy of the devices", "Accuracy over device energy"),
}


def accuracy_curve(run: Run, label: str, against: Against = "time") -> pd.DataFrame:
    """Accuracy of one label against a running cost, over its seeds: columns x (SI), mean, low, high and seeds.

    Between two evaluations what is known is the earlier one, so each seed is a staircase; the mean, the lowest and the
    highest are taken at every step of any seed, over the seeds evaluated by then. A seed that has ended keeps
    its last value, as its model does. Empty where nothing was evaluated (a dry run).
    """
    rows = run.rounds[(run.rounds["label"] == label) & run.rounds["accuracy"].notna()]
    cost = rows[list(_COSTS[against].columns)].sum(axis=1)
    # Two evaluations at the same cost: the later one counts.
    stairs = {
        seed: pd.Series(part["accuracy"].to_numpy(), index=cost.loc[part.index].to_numpy()).groupby(level=0).last()
        for seed, part in rows.sort_values("round", kind="stable").groupby("seed")
    }
    grid = np.unique(np.concatenate([stair.index.to_numpy() for stair in stairs.values()])) if stairs else np.empty(0)
    values = pd.DataFrame({seed: stair.reindex(grid, method="ffill") for seed, stair in stairs.items()}, index=grid)
    return pd.DataFrame(
        {
            "x": grid,
            "mean": values.mean(axis=1).to_numpy(),
            "low": values.min(axis=1).to_numpy(),
            "high": values.max(axis=1).to_numpy(),
            "seeds": values.notna().sum(axis=1).to_numpy(),
        }
    )


def plot_accuracy(run: Run, against: Against = "time", ax: Axes | None = None) -> Axes:
    """Draw accuracy against a running cost, one line a label; several seeds are their mean in the band of all."""
    cost = _COSTS[against]
    if ax is None:
        ax = style.new_figure(8.0, 4.8).add_subplot()
    style.dress(ax, cost.title)
    ax.set_xlabel(cost.axis)
    ax.set_ylabel("accuracy on the test set")
    curves = {label: accuracy_curve(run, label, against) for label in run.labels}
    curves = {label: curve for label, curve in curves.items() if not curve.empty}
    if not curves:
        style.say(ax, "dry run: no accuracy" if run.dry else "no accuracy was measured")
        ax.set_xticks([])
        ax.set_yticks([])
        return ax

    ends = {label: float(curve["x"].iloc[-1]) for label, curve in curves.items()}
    wide = min(ends.values()) > 0 and max(ends.values()) > LOG_FROM * min(ends.values())
    unit = scale(cost.kind, max(ends.values()))
    divisor = 1.0 if wide else unit.divisor
    places = {label: index for index, label in enumerate(run.labels)}
    labels = []
    for label, curve in curves.items():
        shown = curve[curve["x"] > 0] if wide else curve
        _draw_curve(ax, label, shown, divisor, places[label])
        colour = style.darker(style.line_colour(places[label]))
        labels.append(EndLabel(style.shortened(label), ends[label] / divisor, float(curve["mean"].iloc[-1]), colour))

    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: human("fraction", round(value, 6))))
    if wide:
        logarithmic(ax, cost.kind)
    else:
        ax.set_xlabel(f"{cost.axis} ({unit.unit})")
        ax.set_xlim(left=0.0)
    ax.margins(y=0.08)
    _draw_target(ax, run.target_accuracy)
    _keep_to_fractions(ax)
    name_curves(ax, labels, [style.shortened(label) for label in curves])
    return ax


def plot_accuracy_vs_time(run: Run, ax: Axes | None = None) -> Axes:
    """Accuracy against the simulated clock."""
    return plot_accuracy(run, "time", ax)


def plot_accuracy_vs_bytes(run: Run, ax: Axes | None = None) -> Axes:
    """Accuracy against all bytes sent so far, up and down, provisioning included."""
    return plot_accuracy(run, "bytes", ax)


def plot_accuracy_vs_energy(run: Run, ax: Axes | None = None) -> Axes:
    """Accuracy against the joules of the engaged devices so far, their waiting included."""
    return plot_accuracy(run, "energy", ax)


def _draw_curve(ax: Axes, label: str, curve: pd.DataFrame, divisor: float, place: int) -> None:
    x = curve["x"] / divisor
    ax.plot(
        x,
        curve["mean"],
        drawstyle="steps-post",
        linewidth=1.8,
        markersize=4.5,
        markeredgecolor="white",
        markeredgewidth=0.6,
        # About ten markers tell a line apart; one on every step of every seed would hide it.
        markevery=max(1, round(len(curve) / 10)),
        label=label,
        gid="curve",
        zorder=3,
        **style.line_style(place),  # type: ignore[arg-type]
    )
    if (curve["seeds"] > 1).any():
        colour = style.line_colour(place)
        ax.fill_between(x, curve["low"], curve["high"], step="post", color=colour, alpha=0.15, linewidth=0)


def _draw_target(ax: Axes, target: float | None) -> None:
    if target is None:
        return
    ax.axhline(target, color=style.QUIET, linewidth=0.9, linestyle=(0, (6, 4)), zorder=1, gid="target")
    ax.annotate(
        f"target {human('fraction', target)}",
        xy=(0.0, target),
        xycoords=("axes fraction", "data"),
        xytext=(4, 3),
        textcoords="offset points",
        fontsize=8,
        color=style.QUIET,
    )


def _keep_to_fractions(ax: Axes) -> None:
    """No axis below 0 % or (by more than a line's width) above 100 %."""
    low, high = ax.get_ylim()
    ax.set_ylim(max(low, 0.0), min(high, 1.02))
