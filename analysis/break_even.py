"""Which algorithm wins where: a map over two axes of a sweep, and the line at which two break even."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patches import Patch, Rectangle

from analysis import style
from analysis.axes import Axis
from analysis.grids import dress_grid, grid_size, nothing_said, seeds_said
from analysis.sweeps import BROKEN, MISSING, Sweep

P = TypeVar("P")
Winners = tuple[str, ...]
Cell = tuple[int, int]  # row (y), column (x)

_TIE = "#d0d0d0"
_FONTS = (10.0, 8.5, 7.0)


def winners(means: Mapping[str, float], more_is_better: bool = False) -> Winners:
    """The labels with the best figure, all of them where they read the same to three digits; NaN never wins."""
    shown = {label: float(f"{mean:.3g}") for label, mean in means.items() if math.isfinite(mean)}
    if not shown:
        return ()
    best = max(shown.values()) if more_is_better else min(shown.values())
    return tuple(label for label, mean in shown.items() if mean == best)


def winners_by_place(
    means: Iterable[tuple[P, str, float]], undecided: Container[P], more_is_better: bool = False
) -> dict[P, Winners]:
    """Who wins at each place.

    Args:
        means: place, label and figure; NaN for a label that lacks a value with some seed.
        undecided: places where a trial is missing or broken that may yet win: nobody wins there.
        more_is_better: whether the highest wins.
    """
    found: dict[P, dict[str, float]] = {}
    for place, label, mean in means:
        found.setdefault(place, {})[label] = mean
    return {place: () if place in undecided else winners(own, more_is_better) for place, own in found.items()}


def undecided_at(sweep: Sweep, *columns: str) -> set[Any]:
    """The places, by these columns of a summary, where a trial is missing or broken: who is not there may win."""
    rows = sweep.summary
    lost = rows[rows["status"].isin((MISSING, BROKEN))]
    return set(lost[columns[0]]) if len(columns) == 1 else set(zip(*(lost[name] for name in columns), strict=True))


def winner_map(sweep: Sweep, x: str, y: str, measure: str = "sim_time_s") -> pd.DataFrame:
    """Who wins at each value of y (rows) and x (columns): a tuple of labels, mean over seeds, several where they tie.

    A label that lacks a value with some seed (a trial failed, a target was not reached) cannot win. A place has no
    winner, an empty tuple, where no label can, or where a trial is missing or broken that may yet win. Raises RunError.
    """
    across, up = sweep.axis(x), sweep.axis(y)
    cells = _cells(sweep, across, up, measure)
    columns = {
        value: pd.Series([cells[row, column] for row in range(len(up.values))], list(up.values), dtype=object)
        for column, value in enumerate(across.values)
    }
    return pd.DataFrame(columns)


def _cells(sweep: Sweep, x: Axis, y: Axis, measure: str) -> dict[Cell, Winners]:
    means = sweep.means([x.key, y.key], measure)
    able = means["mean"].where(means["lacking"] == 0, math.nan)
    places = zip(means[y.key], means[x.key], strict=True)
    better = sweep.measure(measure).more_is_better
    won = winners_by_place(
        zip(places, means["label"], able, strict=True), undecided_at(sweep, y.key, x.key), more_is_better=better
    )
    return {
        (row, column): won.get((own_y, own_x), ())
        for row, own_y in enumerate(y.values)
        for column, own_x in enumerate(x.values)
    }


def regions(cells: Mapping[Cell, Winners]) -> list[list[Cell]]:
    """The cells that have the same winners and touch along an edge, region by region, those without winners too."""
    left = dict.fromkeys(sorted(cells))
    found = []
    while left:
        region, edge = [], [next(iter(left))]
        del left[edge[0]]
        while edge:
            row, column = edge.pop()
            region.append((row, column))
            for near in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
                if near in left and cells[near] == cells[row, column]:
                    del left[near]
                    edge.append(near)
        found.append(sorted(region))
    return found


@style.any_script()
def plot_break_even(sweep: Sweep, x: str, y: str, measure: str = "sim_time_s", ax: Axes | None = None) -> Axes:
    """Draw which label wins where, mean over seeds: a colour and a name a region, with its border drawn.

    Grey is a tie, hatched is where nobody can be said to win. Raises RunError as `winner_map` does.
    """
    across, up, what = sweep.axis(x), sweep.axis(y), sweep.measure(measure)
    cells = _cells(sweep, across, up, measure)
    if ax is None:
        width, height = grid_size(across, up)
        ax = style.new_figure(width + 2.2, height + 1.5).add_subplot()
    better = "highest" if what.more_is_better else "lowest"
    said = f"the {better} wins; {seeds_said(sweep)}"
    if sweep.means([across.key, up.key], measure)["lacking"].any():
        said += "\na label that lacks a value with any seed cannot win there"
    if any(len(won) > 1 for won in cells.values()):
        said += "\ngrey: a tie, equal to three digits"
    dress_grid(ax, f"Break-even: {what.name}", said, across, up)
    if not any(cells.values()):
        style.say(ax, nothing_said(sweep, what))
        return ax
    for (row, column), won in cells.items():
        if won:
            colour = _TIE if len(won) > 1 else _fill(sweep.labels.index(won[0]))
            square = Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=colour, edgecolor=colour, linewidth=0.3)
            ax.add_patch(square).set_zorder(1)
    ax.add_collection(LineCollection(_borders(cells), colors=style.INK, linewidths=2.0, zorder=3, gid="border"))
    style.figure_of(ax).figure.draw_without_rendering()  # only now does the layout say how wide the cells are
    unnamed = [cells[region[0]] for region in regions(cells) if not _name_region(ax, cells[region[0]], region)]
    _legend(ax, sweep, [won for won in dict.fromkeys(cells.values()) if won in unnamed or not won])
    return ax


def _fill(place: int) -> str:
    """The label's colour half way to white, so that its name can be read on it."""
    red, green, blue = (0.5 + 0.5 * channel for channel in to_rgb(style.line_colour(place)))
    return to_hex((red, green, blue))


def _borders(cells: Mapping[Cell, Winners]) -> list[list[tuple[float, float]]]:
    """The edges between cells with different winners."""
    lines = []
    for (row, column), won in cells.items():
        if cells.get((row, column + 1), won) != won:
            lines.append([(column + 0.5, row - 0.5), (column + 0.5, row + 0.5)])
        if cells.get((row + 1, column), won) != won:
            lines.append([(column - 0.5, row + 0.5), (column + 0.5, row + 0.5)])
    return lines


def _name_region(ax: Axes, won: Winners, region: list[Cell]) -> bool:
    """Write the winners' name in the region, as near its middle as there is room; False where there is none."""
    if not won:
        return True  # hatched, nobody's name
    middle = float(np.mean([row for row, _ in region]))
    name = " = ".join(style.shortened(label, 20) for label in won)
    note = ax.text(0, 0, name, ha="center", va="center", fontsize=10, fontweight="bold", color=style.INK, gid="name")
    note.set(parse_math=False, in_layout=False, zorder=4)
    column_width = ax.get_window_extent().width / (ax.get_xlim()[1] + 0.5)
    for font in _FONTS:
        note.set_fontsize(font)
        width = note.get_window_extent().width
        for row, first, last in sorted(_runs(region), key=lambda run: (abs(run[0] - middle), run[1] - run[2])):
            if width <= 0.95 * column_width * (last - first + 1):
                note.set_position(((first + last) / 2, row))
                return True
    note.remove()
    return False


def _runs(region: list[Cell]) -> list[tuple[int, int, int]]:
    """The unbroken stretches of a region's cells in each row: row, first and last column."""
    found: list[tuple[int, int, int]] = []
    for row, column in sorted(region):
        if found and found[-1][0] == row and found[-1][2] == column - 1:
            found[-1] = (row, found[-1][1], column)
        else:
            found.append((row, column, column))
    return found


def _legend(ax: Axes, sweep: Sweep, shown: list[Winners]) -> None:
    """Name what could not be named on the map, below it."""
    handles = []
    for won in shown:
        name = " = ".join(style.shortened(label, 20) for label in won) if won else "no winner"
        colour = "white" if not won else _TIE if len(won) > 1 else _fill(sweep.labels.index(won[0]))
        hatch = "" if won else "////"
        handles.append(Patch(facecolor=colour, edgecolor="#bbbbbb", hatch=hatch, linewidth=0.5, label=name))
    style.shared_legend(ax, handles, columns=4)
