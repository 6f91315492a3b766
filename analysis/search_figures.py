"""The figure of a search: with one objective its history, with several the front."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

from matplotlib.axes import Axes

from analysis import style
from analysis.end_labels import MOST_END_LABELS, EndLabel, place_end_labels
from analysis.quantities import Measure
from analysis.scales import linear, logarithmic, spans_wide
from analysis.searches import Search, load_search

_COLOUR, _MARKER = style.line_colour(0), "o"
_SHORT = 40


def write_search_figures(search: str | Path | Search) -> list[Path]:
    """Draw the figures of a search into its `figures/`, and return their paths.

    With one objective it is the history, `history.png`; with several, `front.png` for the first two, and one more for
    each other pair.

    Args:
        search: the search, or its folder.

    Raises:
        RunError: there is no such search, or a file of it cannot be read.
    """
    search = search if isinstance(search, Search) else load_search(search)
    if len(search.objectives) == 1:
        drawn = [("history", plot_history(search))]
    else:
        pairs = list(combinations(search.objectives, 2))
        names = ["front", *(f"front_{x.column}_{y.column}" for x, y in pairs[1:])]
        drawn = [(name, plot_front(search, x, y)) for name, (x, y) in zip(names, pairs, strict=True)]
    return [style.save(style.figure_of(ax).figure, search.folder / "figures" / f"{name}.png") for name, ax in drawn]


def plot_front(search: Search, x: Measure, y: Measure) -> Axes:
    """Draw two objectives against each other: all points that are done, those on the front named and joined by a step.

    Args:
        search: the search.
        x, y: the objectives.
    """
    ax = style.new_figure(8.0, 4.8).add_subplot()
    done, front = search.done, search.front
    arrow = " and ".join(f"{'more' if each.more_is_better else 'less'} {each.name}" for each in (x, y))
    flat = len(search.objectives) == 2
    caption = f"Better is {arrow}. Of {len(done)} points no other beats {len(front)}"
    caption += ", which the step joins" if flat else f" in all {len(search.objectives)} objectives"
    style.dress(ax, f"{_capital(y.name)} against {x.name}", caption=caption)
    ax.set(xlabel=x.name, ylabel=y.name)
    divisors = [_scaled(ax, measure, list(done[measure.column]), along) for measure, along in ((x, "x"), (y, "y"))]
    if done.empty:
        style.say(ax, "no point is done")
        return ax
    points = {True: front, False: done.drop(front.index)}
    for best, rows in points.items():
        size, rim, strength, layer = (7.5, style.INK, 1.0, 4) if best else (5, "white", 0.55, 2)
        ax.plot(rows[x.column] / divisors[0], rows[y.column] / divisors[1], linestyle="none", marker=_MARKER,
                color=_COLOUR, markersize=size, zorder=layer, markeredgecolor=rim, markeredgewidth=0.8,
                alpha=strength, gid="front" if best else "dominated")  # fmt: skip
    if flat:
        stairs = front.drop_duplicates("front").sort_values(x.column)
        ax.plot(stairs[x.column] / divisors[0], stairs[y.column] / divisors[1], color=style.QUIET, linewidth=1.2,
                linestyle=(0, (6, 2)), zorder=1, gid="curve",
                drawstyle="steps-pre" if x.more_is_better else "steps-post")  # fmt: skip
    ax.margins(x=0.06, y=0.1)
    named = front.drop_duplicates("front")
    named = named.iloc[:: -(-len(named) // MOST_END_LABELS) or 1]
    colour = style.darker(_COLOUR)
    place_end_labels(ax, [
        EndLabel(style.shortened(search.named(row), _SHORT), row[x.column] / divisors[0], row[y.column] / divisors[1],
                 colour)
        for row in named.to_dict("records")
    ])  # fmt: skip
    return ax


def plot_history(search: Search) -> Axes:
    """Draw the only objective of each point in the order of the suggestions, and the best so far as a step."""
    (measure,) = search.objectives
    ax = style.new_figure(8.0, 4.8).add_subplot()
    done, others = search.done, search.table[search.table["status"] != "done"]
    caption = f"{len(done)} points that are done; the step is the best so far"
    caption += f". {len(others)} others, at the lower edge, are infeasible or were given up" if len(others) else ""
    style.dress(ax, f"{_capital(measure.name)} of the points suggested", caption=caption)
    ax.set(xlabel="point, in the order of the suggestions", ylabel=measure.name)
    divisor = _scaled(ax, measure, list(done[measure.column]), "y")
    if done.empty:
        style.say(ax, "no point is done")
        return ax
    values = done[measure.column] / divisor
    best = values.cummax() if measure.more_is_better else values.cummin()
    ax.plot(done.index + 1, values, linestyle="none", marker=_MARKER, color=_COLOUR, markersize=5,
            markeredgecolor="white", markeredgewidth=0.8, alpha=0.8, gid="done")  # fmt: skip
    steps = [*(done.index + 1), len(search.table)]  # to the end, where the best has its name
    ax.plot(
        steps, [*best, best.iloc[-1]], color=style.QUIET, linewidth=1.2, drawstyle="steps-post", zorder=1, gid="best"
    )
    ax.plot(others.index + 1, [0.015] * len(others), linestyle="none", marker="x", color=style.QUIET, markersize=4,
            transform=ax.get_xaxis_transform(), gid="others")  # fmt: skip
    ax.margins(x=0.04, y=0.1)
    name = style.shortened(search.named(dict(search.front.iloc[0])), _SHORT)
    place_end_labels(ax, [EndLabel(name, float(len(search.table)), float(best.iloc[-1]), style.darker(_COLOUR))])
    return ax


def _scaled(ax: Axes, measure: Measure, values: list[float], along: str) -> float:
    """Scale an axis to the values of a measure, and return by what they are to be divided."""
    if spans_wide(values):
        logarithmic(ax, measure.kind, along, max(values) / min(values))
        return 1.0
    return linear(ax, measure.kind, measure.name, max(values, default=0.0), along).divisor


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
