"""Two axes of a sweep as a grid of cells: its values, ticks and caption."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from analysis import style
from analysis.axes import Axis, short_names
from analysis.quantities import Measure
from analysis.runs import Run
from analysis.sweeps import DONE, Sweep

# With more ticks than this, their texts overlap.
_MOST_TICKS = 16
_TICK_FONT, _POINTS_A_CHARACTER = 8.5, 5.0


def grid_of(table: pd.DataFrame, x: Axis, y: Axis, column: str) -> np.ndarray:
    """Return a column of a frame as a grid.

    Args:
        table: a frame with at most one row per place, in which each axis has a column of its key.
        x: the horizontal axis.
        y: the vertical axis.
        column: the column to lay out.

    Returns:
        An array of y values by x values; NaN where the frame has no row.
    """
    cells = np.full((len(y.values), len(x.values)), np.nan)
    for x_value, y_value, value in zip(table[x.key], table[y.key], table[column], strict=True):
        cells[y.values.index(y_value), x.values.index(x_value)] = value
    return cells


def grid_size(x: Axis, y: Axis) -> tuple[float, float]:
    """Return the width and height (inches) at which all cells are visible and, in a small grid, have room for text."""
    return min(max(0.8 * len(x.values), 3.6), 11.0), min(max(0.45 * len(y.values), 2.4), 8.0)


def dress_grid(ax: Axes, title: str, said: str, x: Axis, y: Axis) -> None:
    """Draw the frame of a grid: a cell per place, ticks at their middles; cells that stay empty are hatched.

    Args:
        ax: the axes to draw on.
        title: the title.
        said: the caption below it.
        x: the horizontal axis.
        y: the vertical axis.
    """
    style.dress(ax, title, caption=said)
    ax.grid(visible=False)
    width, height = len(x.values), len(y.values)
    ax.set(xlim=(-0.5, width - 0.5), ylim=(-0.5, height - 0.5), xlabel=x.key, ylabel=y.key)
    ground = Rectangle((-0.5, -0.5), width, height, facecolor="white", edgecolor="#bbbbbb", hatch="////", linewidth=0)
    ground.set_zorder(0)
    ax.add_patch(ground)
    ax.tick_params(length=0, labelsize=_TICK_FONT)
    for along in (ax.xaxis, ax.yaxis):
        ticks = (x if along is ax.xaxis else y).ticks
        every = -(-len(ticks) // _MOST_TICKS)
        along.set_ticks(range(0, len(ticks), every), [style.shortened(text, 18) for text in ticks[::every]])
        for label in along.get_ticklabels():
            label.set_parse_math(False)
    turn_crowded(ax, x.ticks)


def turn_crowded(ax: Axes, ticks: tuple[str, ...]) -> None:
    """Slant the tick labels of the x axis if they would touch each other."""
    # The layout, which comes later, makes the axes about a sixth wider than they are now.
    inches = 1.17 * ax.get_position().width * style.figure_of(ax).figure.get_figwidth()
    shown = ticks[:: -(-len(ticks) // _MOST_TICKS)]
    if max(len(text) + 2 for text in shown) * len(shown) * _POINTS_A_CHARACTER > 72 * inches:
        ax.tick_params(axis="x", rotation=45)
        for label in ax.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")


def nothing_said(sweep: Sweep, what: Measure) -> str:
    """Return the sentence that says why a figure of this measure is empty."""
    return "dry run: no accuracy" if sweep.dry and what.kind == "fraction" else "nothing was measured"


def seeds_said(source: Run | Sweep) -> str:
    """Return the caption on the trials behind a figure: how many seeds, how many trials lack, which axes are fixed."""
    rows = source.summary
    seeds = rows["seed"].nunique()
    parts = [f"mean of {seeds} seeds" if seeds > 1 else "one seed"]
    if isinstance(source, Run):
        return parts[0]
    unique = rows[~rows["trial"].duplicated() | (rows["trial"] == "")]  # no hash: the point is no scenario at all
    lacking = int((unique["status"] != DONE).sum())
    if lacking:
        parts.append(f"{lacking} of {len(unique)} trials failed or missing")
    names = short_names([axis.key for axis in source.axes])
    parts += [f"at {names[key]} {text}" for key, text in source.held]
    return "; ".join(parts)
