"""Break-even maps: which algorithm wins at each place of two axes, and the line at which two of them break even."""

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
    """Return the labels with the best value: several if they agree to three digits, none if all are NaN."""
    shown = {label: float(f"{mean:.3g}") for label, mean in means.items() if math.isfinite(mean)}
    if not shown:
        return ()
    best = max(shown.values()) if more_is_better else min(shown.values())
    return tuple(label for label, mean in shown.items() if mean == best)


def winners_by_place(
    means: Iterable[tuple[P, str, float]], undecided: Container[P], more_is_better: bool = False
) -> dict[P, Winners]:
    """Return the winning labels at each place.

    Args:
        means: place, label and mean; NaN for a label that lacks a value for some seed.
        undecided: places without a winner, because a trial is missing or broken that might win.
        more_is_better: whether the highest mean wins.
    """
    by_place: dict[P, dict[str, float]] = {}
    for place, label, mean in means:
        by_place.setdefault(place, {})[label] = mean
    return {
        place: () if place in undecided else winners(contenders, more_is_better)
        for place, contenders in by_place.items()
    }


def undecided_at(sweep: Sweep, *columns: str) -> set[Any]:
    """Return the places where a trial is missing or broken, so that no winner can be named.

    Args:
        sweep: the sweep.
        columns: the columns of its summary that make up a place: a value of one, or a tuple of several.
    """
    rows = sweep.summary
    lost = rows[rows["status"].isin((MISSING, BROKEN))]
    return set(lost[columns[0]]) if len(columns) == 1 else set(zip(*(lost[name] for name in columns), strict=True))


def winner_map(sweep: Sweep, x: str, y: str, measure: str = "sim_time_s") -> pd.DataFrame:
    """Return which labels win at each place of two axes, by their means over seeds.

    A label that lacks a value for some seed (a trial failed, a target was not reached) cannot win. A place has no
    winner where no label can win, or where a trial is missing or broken that might.

    Args:
        sweep: the sweep.
        x: the key of the axis along the columns, or its shortest unique end.
        y: the same of the axis along the rows.
        measure: the column of the summary that is compared, or `bytes`.

    Returns:
        A frame of tuples of labels, y values by x values: several labels where they tie, none where nobody wins.

    Raises:
        RunError: the sweep has no such axis or measure, or has several points at one place.
    """
    across, up = sweep.axis(x), sweep.axis(y)
    cells = _cells(sweep, across, up, measure)
    columns = {
        value: pd.Series([cells[row, column] for row in range(len(up.values))], list(up.values), dtype=object)
        for column, value in enumerate(across.values)
    }
    return pd.DataFrame(columns)


def _cells(sweep: Sweep, x: Axis, y: Axis, measure: str) -> dict[Cell, Winners]:
    """Return the winners by row and column of the grid; see `winner_map`."""
    means = sweep.means([x.key, y.key], measure)
    comparable = means["mean"].where(means["lacking"] == 0, math.nan)
    places = zip(means[y.key], means[x.key], strict=True)
    better = sweep.measure(measure).more_is_better
    won = winners_by_place(
        zip(places, means["label"], comparable, strict=True), undecided_at(sweep, y.key, x.key), more_is_better=better
    )
    return {
        (row, column): won.get((y_value, x_value), ())
        for row, y_value in enumerate(y.values)
        for column, x_value in enumerate(x.values)
    }


def regions(cells: Mapping[Cell, Winners]) -> list[list[Cell]]:
    """Return the connected regions of the map: cells with the same winners (or none) that touch along an edge."""
    unvisited = dict.fromkeys(sorted(cells))
    found = []
    while unvisited:
        region, frontier = [], [next(iter(unvisited))]
        del unvisited[frontier[0]]
        while frontier:
            row, column = frontier.pop()
            region.append((row, column))
            for neighbour in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
                if neighbour in unvisited and cells[neighbour] == cells[row, column]:
                    del unvisited[neighbour]
                    frontier.append(neighbour)
        found.append(sorted(region))
    return found


@style.any_script()
def plot_break_even(sweep: Sweep, x: str, y: str, measure: str = "sim_time_s", ax: Axes | None = None) -> Axes:
    """Draw which label wins where, by the means over seeds: each region has a colour, a name and a border.

    Grey is a tie; where no winner can be named, the map is hatched.

    Args:
        sweep: the sweep.
        x: the key of the horizontal axis, or its shortest unique end.
        y: the same of the vertical axis.
        measure: the column of the summary that is compared, or `bytes`.
        ax: the axes to draw on; by default those of a new figure.

    Raises:
        RunError: as `winner_map` does.
    """
    across, up, what = sweep.axis(x), sweep.axis(y), sweep.measure(measure)
    cells = _cells(sweep, across, up, measure)
    if ax is None:
        width, height = grid_size(across, up)
        ax = style.new_figure(width + 2.2, height + 1.5).add_subplot()
    better = "highest" if what.more_is_better else "lowest"
    caption = f"the {better} wins; {seeds_said(sweep)}"
    if sweep.means([across.key, up.key], measure)["lacking"].any():
        caption += "\na label that lacks a value with any seed cannot win there"
    if any(len(won) > 1 for won in cells.values()):
        caption += "\ngrey: a tie, equal to three digits"
    dress_grid(ax, f"Break-even: {what.name}", caption, across, up)
    if not any(cells.values()):
        style.say(ax, nothing_said(sweep, what))
        return ax
    for (row, column), won in cells.items():
        if won:
            colour = _TIE if len(won) > 1 else _fill(sweep.places[won[0]])
            square = Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=colour, edgecolor=colour, linewidth=0.3)
            ax.add_patch(square).set_zorder(1)
    ax.add_collection(LineCollection(_borders(cells), colors=style.INK, linewidths=2.0, zorder=3, gid="border"))
    style.figure_of(ax).figure.draw_without_rendering()  # the layout settles the width of the cells only here
    unnamed = [cells[region[0]] for region in regions(cells) if not _name_region(ax, cells[region[0]], region)]
    _legend(ax, sweep, [won for won in dict.fromkeys(cells.values()) if won in unnamed or not won])
    return ax


def _fill(index: int) -> str:
    """Return the colour of the label with this index, half way to white, so that its name can be read on it."""
    red, green, blue = (0.5 + 0.5 * channel for channel in to_rgb(style.line_colour(index)))
    return to_hex((red, green, blue))


def _borders(cells: Mapping[Cell, Winners]) -> list[list[tuple[float, float]]]:
    """Return the edges between cells with different winners, each as two corners."""
    lines = []
    for (row, column), won in cells.items():
        if cells.get((row, column + 1), won) != won:
            lines.append([(column + 0.5, row - 0.5), (column + 0.5, row + 0.5)])
        if cells.get((row + 1, column), won) != won:
            lines.append([(column - 0.5, row + 0.5), (column + 0.5, row + 0.5)])
    return lines


def _name_region(ax: Axes, won: Winners, region: list[Cell]) -> bool:
    """Write the winners' names into a region, as near its middle as they fit; return whether they do.

    Args:
        ax: the axes of the map.
        won: the winners; without any there is nothing to write.
        region: the cells.
    """
    if not won:
        return True
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
    """Return the unbroken stretches of a region in each row: row, first column and last column."""
    runs: list[tuple[int, int, int]] = []
    for row, column in sorted(region):
        if runs and runs[-1][0] == row and runs[-1][2] == column - 1:
            runs[-1] = (row, runs[-1][1], column)
        else:
            runs.append((row, column, column))
    return runs


def _legend(ax: Axes, sweep: Sweep, shown: list[Winners]) -> None:
    """Add a legend below the map for the winners that could not be named on it."""
    handles = []
    for won in shown:
        name = " = ".join(style.shortened(label, 20) for label in won) if won else "no winner"
        colour = "white" if not won else _TIE if len(won) > 1 else _fill(sweep.places[won[0]])
        hatch = "" if won else "////"
        handles.append(Patch(facecolor=colour, edgecolor="#bbbbbb", hatch=hatch, linewidth=0.5, label=name))
    style.shared_legend(ax, handles, columns=4)
