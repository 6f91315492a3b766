"""Accuracy against what it costs: every point of a sweep, or every label of a run, and those that none dominates."""

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
from analysis.quantities import Measure, measure_of
from analysis.runs import Run, RunError
from analysis.scales import linear, logarithmic, spans_wide
from analysis.sweeps import Sweep

# A list of more names than this is longer than the figure: of more, some are named, evenly along the front.
_MOST_LISTED = 18


class Spot(NamedTuple):
    """One way to do it: its label, the axis values that matter for it, and what it costs (SI) and reaches."""

    label: str
    settings: str
    cost: float
    accuracy: float


class Frontier(NamedTuple):
    """Every way to do it, the places of those that none dominates, and what is paid and gained."""

    spots: list[Spot]
    front: list[int]
    cost: Measure
    gain: Measure

    @property
    def most(self) -> float:
        """The highest cost of any; 0 where there is none."""
        return max((spot.cost for spot in self.spots), default=0.0)


def pareto_front(costs: Sequence[float], gains: Sequence[float]) -> list[int]:
    """The places of those that none dominates, by rising cost: none costs no more, gains no less, and differs.

    Equal ones are all kept; NaN never is.
    """
    numbers = np.asarray(costs, dtype=float), np.asarray(gains, dtype=float)
    known = np.flatnonzero(np.isfinite(numbers[0]) & np.isfinite(numbers[1]))
    front: list[int] = []
    for place in sorted(known, key=lambda each: (numbers[0][each], -numbers[1][each], each)):
        best = front[-1] if front else None
        same = best is not None and numbers[0][best] == numbers[0][place] and numbers[1][best] == numbers[1][place]
        if best is None or same or numbers[1][place] > numbers[1][best]:
            front.append(int(place))
    return front


def spots(source: Run | Sweep, cost: str = "sim_time_s", accuracy: str = "final_accuracy") -> list[Spot]:
    """The labels of a run, or of each point of a sweep, that have an accuracy, mean over seeds. Raises RunError.

    Points of a sweep at which a label costs and reaches the same are one.
    """
    frame = source.summary
    what, gain = _measure(source, cost), _measure(source, accuracy)
    if not gain.more_is_better:
        raise RunError(f"{accuracy!r} is no accuracy: more of it is not better")
    values = frame.assign(_cost=what.values(frame), _gain=gain.values(frame))
    if isinstance(source, Run):
        means = values.groupby("label", sort=False)[["_cost", "_gain"]].mean()
        found = [Spot(str(label), "", row["_cost"], row["_gain"]) for label, row in means.iterrows()]
        return [spot for spot in found if spot.accuracy == spot.accuracy]
    alike: dict[tuple[str, float, float], list[int]] = {}
    for (_, label), part in values.groupby(["point", "label"], sort=False):
        both = (float(part["_cost"].mean()), float(part["_gain"].mean()))
        if np.isfinite(both).all():
            same = (str(label), float(f"{both[0]:.12g}"), float(f"{both[1]:.12g}"))
            alike.setdefault(same, []).extend(part.index)
    return [
        Spot(label, settings_of(source, values.loc[rows]), paid, reached)
        for (label, paid, reached), rows in alike.items()
    ]


def frontier(source: Run | Sweep, cost: str = "sim_time_s", accuracy: str = "final_accuracy") -> Frontier:
    """The `spots` of a run or a sweep, and the `pareto_front` of them. Raises RunError as `spots` does."""
    found = spots(source, cost, accuracy)
    front = pareto_front([spot.cost for spot in found], [spot.accuracy for spot in found])
    return Frontier(found, front, _measure(source, cost), _measure(source, accuracy))


def _measure(source: Run | Sweep, column: str) -> Measure:
    return source.measure(column) if isinstance(source, Sweep) else measure_of(source.summary, column)


def settings_of(sweep: Sweep, rows: pd.DataFrame) -> str:
    """The values of the axes that vary over the sweep, but not among these rows."""
    names = short_names([axis.key for axis in sweep.axes])
    own = []
    for axis in sweep.dimensions:
        if rows[axis.key].nunique() == 1:
            text = axis.ticks[axis.values.index(rows[axis.key].iloc[0])]
            own.append(f"{names[axis.key]} {text}")
    return ", ".join(own)


def plot_pareto(
    source: Run | Sweep, cost: str = "sim_time_s", accuracy: str = "final_accuracy", ax: Axes | None = None
) -> Axes:
    """Draw accuracy against a cost, mean over seeds: what is best for its cost is named and joined by a step.

    Left of and above the step there is nothing. Raises RunError for measures that are not there.
    """
    found, front, what, gain = ways = frontier(source, cost, accuracy)
    if ax is None:
        ax = style.new_figure(8.0, 4.8).add_subplot()
    said = seeds_said(source)
    said += f"; the step joins the {len(front)} of {len(found)} that no other beats in both" if found else ""
    style.dress(ax, f"{gain.name[0].upper()}{gain.name[1:]} against {what.name}", caption=said)
    ax.set(xlabel=what.name, ylabel=gain.name)
    if not found:
        style.say(ax, "dry run: no accuracy" if source.dry else "no accuracy was measured")
        ax.set(xticks=[], yticks=[])
        return ax
    costs = [spot.cost for spot in found]
    wide = spans_wide(costs)
    divisor = 1.0
    linear(ax, gain.kind, gain.name, 1.0, "y")
    if wide:
        logarithmic(ax, what.kind, spread=ways.most / min(costs))
    else:
        divisor = linear(ax, what.kind, what.name, ways.most).divisor
    places = {label: index for index, label in enumerate(source.labels)}
    _draw_spots(ax, ways, places, divisor)
    return ax


def _draw_spots(ax: Axes, ways: Frontier, places: dict[str, int], divisor: float) -> None:
    """The points, faint where another dominates them, the step over the others, and their names."""
    found, front = ways.spots, ways.front
    for label, best in itertools.product(places, (False, True)):
        own = [spot for place, spot in enumerate(found) if spot.label == label and (place in front) == best]
        look = style.line_style(places[label]) | {"linestyle": "none", "gid": "front" if best else "dominated"}
        size, rim, strength, layer = (7.5, style.INK, 1.0, 4) if best else (5, "white", 0.55, 2)
        ax.plot([spot.cost / divisor for spot in own], [spot.accuracy for spot in own], markersize=size, zorder=layer,
                markeredgecolor=rim, markeredgewidth=0.8, alpha=strength, **look)  # type: ignore[arg-type]  # fmt: skip
    stairs = [(found[place].cost / divisor, found[place].accuracy) for place in front]
    end = ways.most / divisor
    ax.plot([x for x, _ in stairs] + [end], [y for _, y in stairs] + [stairs[-1][1]], drawstyle="steps-post",
            color=style.QUIET, linewidth=1.2, linestyle=(0, (6, 2)), zorder=1, gid="curve")  # fmt: skip
    ax.margins(x=0.06, y=0.1)
    every = len(found) <= MOST_END_LABELS
    named = list(range(len(found))) if every else front
    names = {place: ", ".join(part for part in (found[place].label, found[place].settings) if part) for place in named}
    handles = [] if every else _colour_key(found, places)
    texts = {place: style.shortened(name, 40) for place, name in names.items()}
    if len(named) > MOST_END_LABELS:
        chosen = [front[index] for index in np.unique(np.linspace(0, len(front) - 1, _MOST_LISTED).round().astype(int))]
        texts = {place: str(number) for number, place in enumerate(chosen, start=1)}
        handles += [Line2D([], [], linestyle="none", label=f"{texts[place]}  {names[place]}") for place in chosen]
    place_end_labels(ax, [
        EndLabel(text, found[place].cost / divisor, found[place].accuracy,
                 style.darker(style.line_colour(places[found[place].label])))
        for place, text in texts.items()
    ])  # fmt: skip
    if handles:
        legend = ax.legend(
            handles=handles, fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1.0), handlelength=1.0
        )
        for text in legend.get_texts():
            text.set_parse_math(False)


def _colour_key(found: list[Spot], places: dict[str, int]) -> list[Line2D]:
    """One marker a label, in the order of the scenario."""
    shown = sorted({spot.label for spot in found}, key=places.__getitem__)
    looks = {label: {**style.line_style(places[label]), "linestyle": "none"} for label in shown}
    return [Line2D([], [], label=style.shortened(label), **look) for label, look in looks.items()]  # type: ignore[arg-type]
