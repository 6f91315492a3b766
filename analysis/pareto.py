"""Pareto fronts of accuracy, or of loss, against a cost, over the points of a sweep or the labels of a run."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from analysis import style
from analysis.axes import short_names
from analysis.end_labels import MOST_END_LABELS, EndLabel, place_end_labels
from analysis.grids import seeds_said
from analysis.headline import learned_of
from analysis.quantities import Measure, measure_of
from analysis.reading import RunError
from analysis.runs import Run
from analysis.scales import linear, logarithmic, spans_wide
from analysis.sweeps import Sweep
from analysis.tasks import NEXT_TOKEN

_LOSSES = ("final_loss", "perplexity")
# A longer list of names would not fit beside the figure: then only some points, evenly along the front, are named.
_MOST_LISTED = 18


class Spot(NamedTuple):
    """One option to choose from: a label of a run, or a label at a point of a sweep.

    Attributes:
        label: the label of the algorithm entry.
        settings: the values of the sweep's axes that matter for it, as text; empty for a run.
        cost: its cost, in SI, mean over seeds.
        accuracy: its accuracy, mean over seeds; or its loss or perplexity, where models are compared by that.
    """

    label: str
    settings: str
    cost: float
    accuracy: float


class Frontier(NamedTuple):
    """All options, and which of them are Pareto-optimal.

    Attributes:
        spots: all options.
        front: the indices of those that no other dominates, by rising cost.
        cost: the measure that is paid.
        gain: the measure that is gained.
    """

    spots: list[Spot]
    front: list[int]
    cost: Measure
    gain: Measure

    @property
    def most(self) -> float:
        """The highest cost of any option; 0 if there are none."""
        return max((spot.cost for spot in self.spots), default=0.0)


def pareto_front(costs: Sequence[float], gains: Sequence[float]) -> list[int]:
    """Return the indices of the options that no other dominates, by rising cost.

    One option dominates another if it costs no more and gains no less, and the two are not equal. Equal options are all
    kept; an option with a NaN or infinite value never is.

    Args:
        costs: the cost of each option.
        gains: the gain of each option.
    """
    numbers = np.asarray(costs, dtype=float), np.asarray(gains, dtype=float)
    known = np.flatnonzero(np.isfinite(numbers[0]) & np.isfinite(numbers[1]))
    front: list[int] = []
    for index in sorted(known, key=lambda option: (numbers[0][option], -numbers[1][option], option)):
        best = front[-1] if front else None
        same = best is not None and numbers[0][best] == numbers[0][index] and numbers[1][best] == numbers[1][index]
        if best is None or same or numbers[1][index] > numbers[1][best]:
            front.append(int(index))
    return front


def spots(source: Run | Sweep, cost: str = "sim_time_s", accuracy: str | None = None) -> list[Spot]:
    """Return the labels of a run, or of each point of a sweep, that have an accuracy, by their means over seeds.

    Points of a sweep at which a label has the same cost and accuracy are one option.

    Args:
        source: the run or the sweep.
        cost: the column of the summary that is the cost, or `bytes`.
        accuracy: the column of the summary that is the accuracy, or of language models the loss or the perplexity; by
            default the settled accuracy, or the last in sweeps of earlier versions, and the loss of language models.

    Raises:
        RunError: there is no such measure, or `accuracy` is none of which more is better, nor a loss of these.
    """
    frame = source.summary
    accuracy = accuracy or learned_of(frame, source.task)
    what, gain = _measure(source, cost), _measure(source, accuracy)
    if not gain.more_is_better and (source.task != NEXT_TOKEN or accuracy not in _LOSSES):
        raise RunError(f"{accuracy!r} is not an accuracy: more of it is not better")
    values = frame.assign(_cost=what.values(frame), _gain=gain.values(frame))
    if isinstance(source, Run):
        means = values.groupby("label", sort=False)[["_cost", "_gain"]].mean()
        options = [Spot(str(label), "", row["_cost"], row["_gain"]) for label, row in means.iterrows()]
        return [spot for spot in options if spot.accuracy == spot.accuracy]
    alike: dict[tuple[str, float, float], list[int]] = {}
    for (_, label), part in values.groupby(["point", "label"], sort=False):
        means_at_point = (float(part["_cost"].mean()), float(part["_gain"].mean()))
        if np.isfinite(means_at_point).all():
            key = (str(label), float(f"{means_at_point[0]:.12g}"), float(f"{means_at_point[1]:.12g}"))
            alike.setdefault(key, []).extend(part.index)
    return [
        Spot(label, settings_of(source, values.loc[rows]), mean_cost, mean_accuracy)
        for (label, mean_cost, mean_accuracy), rows in alike.items()
    ]


def frontier(source: Run | Sweep, cost: str = "sim_time_s", accuracy: str | None = None) -> Frontier:
    """Return the `spots` of a run or a sweep and their `pareto_front`.

    Args:
        source: the run or the sweep.
        cost: the column of the summary that is the cost, or `bytes`.
        accuracy: the column of the summary that is the accuracy, or of language models the loss or the perplexity; by
            default the settled accuracy, or the last in sweeps of earlier versions, and the loss of language models.

    Raises:
        RunError: as `spots` does.
    """
    accuracy = accuracy or learned_of(source.summary, source.task)
    options, gain = spots(source, cost, accuracy), _measure(source, accuracy)
    sign = 1 if gain.more_is_better else -1
    front = pareto_front([spot.cost for spot in options], [sign * spot.accuracy for spot in options])
    return Frontier(options, front, _measure(source, cost), gain)


def _measure(source: Run | Sweep, column: str) -> Measure:
    return source.measure(column) if isinstance(source, Sweep) else measure_of(source.summary, column, source.task)


def settings_of(sweep: Sweep, rows: pd.DataFrame) -> str:
    """Return, as text, the values of the axes that vary over the sweep but are the same in all these rows."""
    names = short_names([axis.key for axis in sweep.axes])
    parts = []
    for axis in sweep.dimensions:
        if rows[axis.key].nunique() == 1:
            text = axis.ticks[axis.values.index(rows[axis.key].iloc[0])]
            parts.append(f"{names[axis.key]} {text}")
    return ", ".join(parts)


def plot_pareto(
    source: Run | Sweep, cost: str = "sim_time_s", accuracy: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw accuracy against a cost, by their means over seeds.

    The Pareto-optimal options are named and joined by a step; left of and above it, or below it of losses, there is no
    option.

    Args:
        source: the run or the sweep.
        cost: the column of the summary that is the cost, or `bytes`.
        accuracy: the column of the summary that is the accuracy, or the loss or perplexity.
        ax: the axes to draw on; by default those of a new figure.

    Raises:
        RunError: as `spots` does.
    """
    options, front, what, gain = pareto = frontier(source, cost, accuracy)
    if ax is None:
        ax = style.new_figure(8.0, 4.8).add_subplot()
    caption = seeds_said(source)
    caption += f"; the step joins the {len(front)} of {len(options)} that no other beats in both" if options else ""
    style.dress(ax, f"{gain.name[0].upper()}{gain.name[1:]} against {what.name}", caption=caption)
    ax.set(xlabel=what.name, ylabel=gain.name)
    if not options:
        what_lacks = "loss" if gain.column in _LOSSES else "accuracy"
        style.say(ax, f"dry run: no {what_lacks}" if source.dry else f"no {what_lacks} was measured")
        ax.set(xticks=[], yticks=[])
        return ax
    costs = [spot.cost for spot in options]
    wide = spans_wide(costs)
    divisor = 1.0
    linear(ax, gain.kind, gain.name, 1.0 if gain.kind == "fraction" else max(spot.accuracy for spot in options), "y")
    if wide:
        logarithmic(ax, what.kind, spread=pareto.most / min(costs))
    else:
        divisor = linear(ax, what.kind, what.name, pareto.most).divisor
    order = {label: source.places[label] for label in source.labels}
    _draw_spots(ax, pareto, order, divisor)
    return ax


def _draw_spots(ax: Axes, pareto: Frontier, order: dict[str, int], divisor: float) -> None:
    """Draw the options, faint where another dominates them, the step over the front, and names.

    Args:
        ax: the axes to draw on.
        pareto: the options.
        order: by label, its index in the scenario, which settles its colour and marker.
        divisor: the unit of the cost axis, in SI.
    """
    options, front = pareto.spots, pareto.front
    for label, best in itertools.product(order, (False, True)):
        shown = [spot for index, spot in enumerate(options) if spot.label == label and (index in front) == best]
        look = style.line_style(order[label]) | {"linestyle": "none", "gid": "front" if best else "dominated"}
        size, rim, strength, layer = (7.5, style.INK, 1.0, 4) if best else (5, "white", 0.55, 2)
        ax.plot([spot.cost / divisor for spot in shown], [spot.accuracy for spot in shown], markersize=size,
                zorder=layer, markeredgecolor=rim, markeredgewidth=0.8, alpha=strength, **look)  # type: ignore[arg-type]  # fmt: skip
    stairs = [(options[index].cost / divisor, options[index].accuracy) for index in front]
    end = pareto.most / divisor
    ax.plot([x for x, _ in stairs] + [end], [y for _, y in stairs] + [stairs[-1][1]], drawstyle="steps-post",
            color=style.QUIET, linewidth=1.2, linestyle=(0, (6, 2)), zorder=1, gid="curve")  # fmt: skip
    ax.margins(x=0.06, y=0.1)
    few = len(options) <= MOST_END_LABELS
    named = list(range(len(options))) if few else front
    names = {
        index: ", ".join(part for part in (options[index].label, options[index].settings) if part) for index in named
    }
    handles = [] if few else _colour_key(options, order)
    texts = {index: style.shortened(name, 40) for index, name in names.items()}
    if len(named) > MOST_END_LABELS:
        chosen = [front[turn] for turn in np.unique(np.linspace(0, len(front) - 1, _MOST_LISTED).round().astype(int))]
        texts = {index: str(number) for number, index in enumerate(chosen, start=1)}
        handles += [Line2D([], [], linestyle="none", label=f"{texts[index]}  {names[index]}") for index in chosen]
    place_end_labels(ax, [
        EndLabel(text, options[index].cost / divisor, options[index].accuracy,
                 style.darker(style.line_colour(order[options[index].label])))
        for index, text in texts.items()
    ])  # fmt: skip
    if handles:
        legend = ax.legend(
            handles=handles, fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1.0), handlelength=1.0
        )
        for text in legend.get_texts():
            text.set_parse_math(False)


def _colour_key(options: list[Spot], order: dict[str, int]) -> list[Line2D]:
    """Return legend handles, one marker per label, in the order of the scenario."""
    shown = sorted({spot.label for spot in options}, key=order.__getitem__)
    looks = {label: {**style.line_style(order[label]), "linestyle": "none"} for label in shown}
    return [Line2D([], [], label=style.shortened(label), **look) for label, look in looks.items()]  # type: ignore[arg-type]
