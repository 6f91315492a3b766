"""Figures of accuracy and loss against a running cost: simulated time, traffic or the energy of the devices."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from analysis import style
from analysis.accuracy import COSTS, Against, accuracy_curve, accuracy_curves, with_a_place
from analysis.columns import PERSONAL_COLUMNS
from analysis.end_labels import EndLabel, name_curves
from analysis.goal import KINDS, Goal, Target
from analysis.personal import has_personal_models
from analysis.runs import Run
from analysis.scales import LOG_FROM, logarithmic
from analysis.tasks import worded
from simulator.settings.humanize import human, scale

LEAST_SEEN = 0.005
"""Lines whose accuracies differ by less than this look the same."""

_TITLES: dict[Against, str] = {
    "time": "Accuracy over time",
    "bytes": "Accuracy over traffic",
    "energy": "Accuracy over device energy",
    "rounds": "Accuracy over rounds",
    "updates": "Accuracy over updates",
    "money": "Accuracy over money",
    "carbon": "Accuracy over carbon emissions",
}


def plot_accuracy(run: Run, against: Against = "time", ax: Axes | None = None) -> Axes:
    """Draw accuracy on the test set against a running cost, one line per label.

    With several seeds the line is their mean, in a band from the lowest to the highest.

    Args:
        run: the run.
        against: the running cost.
        ax: the axes to draw on; by default those of a new figure.
    """
    title, what = (worded(text, run.task) for text in (_TITLES[against], "accuracy on the test set"))
    return _drawn(_framed(ax, against, title, what), run, against, "accuracy", target=run.target)


def plot_loss(run: Run, against: Against = "time", ax: Axes | None = None) -> Axes:
    """Draw the loss on the test set, the mean cross-entropy in nats, against a running cost; see `plot_accuracy`.

    Args:
        run: the run.
        against: the running cost.
        ax: the axes to draw on; by default those of a new figure.
    """
    ax = _framed(ax, against, _TITLES[against].replace("Accuracy", "Loss"), "loss on the test set (nats)")
    return _drawn(ax, run, against, "loss", target=run.target)


def plot_personal_accuracy_vs_time(run: Run, ax: Axes | None = None) -> Axes:
    """Draw the devices' personal accuracy against simulated time: the mean over devices and, thin, the worst decile."""
    title, caption = (
        "Personal accuracy over time",
        "Each device's model on its own mix of classes; thin: the worst tenth",
    )
    title, what = (worded(text, run.task) for text in (title, "accuracy, mean over devices"))
    ax = _framed(ax, "time", title, what, caption)
    return _drawn(ax, run, "time", "personal_accuracy", thin="personal_accuracy_worst_decile")


def shows_personal_accuracy(run: Run) -> bool:
    """Return whether personal accuracy was measured and somewhere differs visibly from accuracy on the test set.

    Where all devices share a model, it does so by their mixes of classes alone, and is not shown.
    """
    if has_personal_models(run.summary) is False:
        return False
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
    ax: Axes, run: Run, against: Against, column: str, *, thin: str | None = None, target: Target | None = None
) -> Axes:
    """Draw a column of the rounds, one line per label, and return the axes.

    Args:
        ax: the axes to draw on.
        run: the run.
        against: the running cost.
        column: the column to draw.
        thin: a second column, drawn as a thin line beside the first.
        target: where to draw the target line, if it is of what is drawn.
    """
    cost = COSTS[against]
    goal: Goal = "loss" if column == "loss" else "accuracy"
    curves = accuracy_curves(run, against, column)
    if not curves:
        style.say(ax, f"dry run: no {goal}" if run.dry else f"no {goal} was measured")
        ax.set_xticks([])
        ax.set_yticks([])
        return ax

    ends = {label: float(curve["x"].iloc[-1]) for label, curve in curves.items()}
    log = min(ends.values()) > 0 and max(ends.values()) > LOG_FROM * min(ends.values())
    unit = scale(cost.kind, max(ends.values()))
    divisor = 1.0 if log else unit.divisor
    order = run.places
    labels = []
    for label, curve in curves.items():
        if thin:
            _draw_thin(ax, with_a_place(accuracy_curve(run, label, against, thin), log), divisor, order[label])
        _draw_curve(ax, label, with_a_place(curve, log), divisor, order[label])
        colour = style.darker(style.line_colour(order[label]))
        labels.append(EndLabel(style.shortened(label), ends[label] / divisor, float(curve["mean"].iloc[-1]), colour))

    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: human(KINDS[goal], round(value, 6))))
    if log:
        logarithmic(ax, cost.kind)
    else:
        ax.set_xlabel(f"{cost.axis} ({unit.unit})" if unit.unit else cost.axis)
        ax.set_xlim(left=0.0)
    ax.margins(y=0.08)
    if target is not None and target.goal == goal:
        _draw_target(ax, target)
    if goal == "accuracy":
        _keep_to_fractions(ax)
    name_curves(ax, labels, [style.shortened(label) for label in curves])
    return ax


def plot_accuracy_vs_time(run: Run, ax: Axes | None = None) -> Axes:
    """Draw accuracy against simulated time; see `plot_accuracy`."""
    return plot_accuracy(run, "time", ax)


def plot_accuracy_vs_bytes(run: Run, ax: Axes | None = None) -> Axes:
    """Draw accuracy against all bytes sent so far, up and down, provisioning included; see `plot_accuracy`."""
    return plot_accuracy(run, "bytes", ax)


def plot_accuracy_vs_energy(run: Run, ax: Axes | None = None) -> Axes:
    """Draw accuracy against the energy (J) that engaged devices have drawn so far, waiting included."""
    return plot_accuracy(run, "energy", ax)


def plot_accuracy_vs_cost(run: Run, ax: Axes | None = None) -> Axes:
    """Draw accuracy against what had been paid so far, in USD, by all payers; see `plot_accuracy`."""
    return plot_accuracy(run, "money", ax)


def plot_accuracy_vs_carbon(run: Run, ax: Axes | None = None) -> Axes:
    """Draw accuracy against the kg of CO2 equivalent that had been emitted so far; see `plot_accuracy`."""
    return plot_accuracy(run, "carbon", ax)


def _draw_thin(ax: Axes, curve: pd.DataFrame, divisor: float, index: int) -> None:
    look = style.line_style(index) | {"linestyle": (0, (2, 2)), "linewidth": 0.9, "markersize": 2.5}
    ax.plot(
        curve["x"] / divisor,
        curve["mean"],
        drawstyle="steps-post",
        markevery=max(1, round(len(curve) / 10)),
        gid="thin",
        zorder=2,
        **look,  # type: ignore[arg-type]
    )


def _draw_curve(ax: Axes, label: str, curve: pd.DataFrame, divisor: float, index: int) -> None:
    x = curve["x"] / divisor
    ax.plot(
        x,
        curve["mean"],
        drawstyle="steps-post",
        linewidth=1.8,
        markersize=4.5,
        markeredgecolor="white",
        markeredgewidth=0.6,
        # About ten markers identify a line; one on every step of every seed would hide it.
        markevery=max(1, round(len(curve) / 10)),
        label=label,
        gid="curve",
        zorder=3,
        **style.line_style(index),  # type: ignore[arg-type]
    )
    if (curve["seeds"] > 1).any():
        colour = style.line_colour(index)
        ax.fill_between(x, curve["low"], curve["high"], step="post", color=colour, alpha=0.15, linewidth=0)


def _draw_target(ax: Axes, target: Target) -> None:
    ax.axhline(target.value, color=style.QUIET, linewidth=0.9, linestyle=(0, (6, 4)), zorder=1, gid="target")
    ax.annotate(
        f"target {target.number}",
        xy=(0.0, target.value),
        xycoords=("axes fraction", "data"),
        xytext=(4, 3),
        textcoords="offset points",
        fontsize=8,
        color=style.QUIET,
    )


def _keep_to_fractions(ax: Axes) -> None:
    """Keep the y axis between 0 % and 100 %, with room for the width of a line above."""
    low, high = ax.get_ylim()
    ax.set_ylim(max(low, 0.0), min(high, 1.02))
