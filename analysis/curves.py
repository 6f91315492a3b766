"""Accuracy against what it cost: simulated time, traffic or the devices' energy."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from analysis import style
from analysis.accuracy import COSTS, Against, accuracy_curve, accuracy_curves, with_a_place
from analysis.end_labels import EndLabel, name_curves
from analysis.runs import PERSONAL_COLUMNS, Run
from analysis.scales import LOG_FROM, logarithmic
from simulator.settings.humanize import human, scale

LEAST_SEEN = 0.005
"""Accuracies that are nearer to each other than this make lines that look the same."""


_TITLES: dict[Against, str] = {
    "time": "Accuracy over time",
    "bytes": "Accuracy over traffic",
    "energy": "Accuracy over device energy",
}


def plot_accuracy(run: Run, against: Against = "time", ax: Axes | None = None) -> Axes:
    """Draw accuracy against a running cost, one line a label; several seeds are their mean in the band of all."""
    ax = _framed(ax, against, _TITLES[against], "accuracy on the test set")
    return _drawn(ax, run, against, "accuracy", target=run.target_accuracy)


def plot_personal_accuracy_vs_time(run: Run, ax: Axes | None = None) -> Axes:
    """Draw each device's own accuracy against the simulated clock: mean over devices, and thin the worst decile."""
    title, said = "Personal accuracy over time", "Each device's model on its own mix of classes; thin: the worst tenth"
    ax = _framed(ax, "time", title, "accuracy, mean over devices", said)
    return _drawn(ax, run, "time", "personal_accuracy", thin="personal_accuracy_worst_decile")


def shows_personal_accuracy(run: Run) -> bool:
    """Whether it was measured, and can be told from accuracy on the whole test set somewhere."""
    personal = run.rounds[list(PERSONAL_COLUMNS)]
    return bool((personal.sub(run.rounds["accuracy"], axis=0).abs() > LEAST_SEEN).any(axis=None))


def _framed(ax: Axes | None, against: Against, title: str, what: str, caption: str = "") -> Axes:
    if ax is None:
        ax = style.new_figure(8.0, 4.8).add_subplot()
    style.dress(ax, title, caption=caption)
    ax.set_xlabel(COSTS[against].axis)
    ax.set_ylabel(what)
    return ax


def _drawn(
    ax: Axes, run: Run, against: Against, column: str, *, thin: str | None = None, target: float | None = None
) -> Axes:
    """A line a label of one column of the rounds, and beside it a thin one of another."""
    cost = COSTS[against]
    curves = accuracy_curves(run, against, column)
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
        if thin:
            _draw_thin(ax, with_a_place(accuracy_curve(run, label, against, thin), wide), divisor, places[label])
        _draw_curve(ax, label, with_a_place(curve, wide), divisor, places[label])
        colour = style.darker(style.line_colour(places[label]))
        labels.append(EndLabel(style.shortened(label), ends[label] / divisor, float(curve["mean"].iloc[-1]), colour))

    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: human("fraction", round(value, 6))))
    if wide:
        logarithmic(ax, cost.kind)
    else:
        ax.set_xlabel(f"{cost.axis} ({unit.unit})")
        ax.set_xlim(left=0.0)
    ax.margins(y=0.08)
    _draw_target(ax, target)
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


def _draw_thin(ax: Axes, curve: pd.DataFrame, divisor: float, place: int) -> None:
    looks = style.line_style(place) | {"linestyle": (0, (2, 2)), "linewidth": 0.9, "markersize": 2.5}
    ax.plot(
        curve["x"] / divisor,
        curve["mean"],
        drawstyle="steps-post",
        markevery=max(1, round(len(curve) / 10)),
        gid="thin",
        zorder=2,
        **looks,  # type: ignore[arg-type]
    )


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
