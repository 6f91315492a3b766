"""Figures of a measure over one axis of a sweep, one line per label."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from analysis import style
from analysis.axes import Axis
from analysis.end_labels import EndLabel, name_curves
from analysis.grids import nothing_said, seeds_said, turn_crowded
from analysis.scales import linear, logarithmic, spans_wide
from analysis.sweeps import Sweep

Band = Literal["range", "std"]

_BANDS = {"range": "band from the lowest to the highest", "std": "band of one standard deviation each way"}
_MOST_TICKS = 12
# Ticks that are closer to each other than this share of the axis would touch.
_TICK_GAP = 0.05


def over_axis(sweep: Sweep, x: str, measure: str, label: str, band: Band = "range") -> pd.DataFrame:
    """Return a measure of one label at each value of an axis.

    Args:
        sweep: the sweep.
        x: the key of the axis, or its shortest unique end.
        measure: the column of the summary, or `bytes`.
        label: the label of the algorithm entry.
        band: what low and high are: the range over seeds, or one standard deviation each way.

    Returns:
        A frame with a row per value of the axis and the columns x (its coordinate on a drawn axis), mean, low, high
        (SI; NaN where no seed has a value) and seeds (how many have one).

    Raises:
        RunError: the sweep has no such axis or measure, or has several points at one place.
    """
    axis = sweep.axis(x)
    table = sweep.means([axis.key], measure)
    own = table[table["label"] == label].set_index(axis.key).reindex(list(axis.values))
    low, high = own["low"], own["high"]
    if band == "std":
        low, high = own["mean"] - own["std"].fillna(0.0), own["mean"] + own["std"].fillna(0.0)
    columns = {"x": axis.positions, "mean": own["mean"].to_numpy(), "low": low.to_numpy(), "high": high.to_numpy()}
    return pd.DataFrame(columns | {"seeds": own["seeds"].fillna(0).astype("int64").to_numpy()})


def plot_over_axis(
    sweep: Sweep, x: str, measure: str = "sim_time_s", band: Band = "range", ax: Axes | None = None
) -> Axes:
    """Draw a measure over one axis, one line per label; with several seeds, their mean in a band.

    Args:
        sweep: the sweep.
        x: the key of the axis, or its shortest unique end.
        measure: the column of the summary to draw, or `bytes`.
        band: the range over seeds, or one standard deviation each way.
        ax: the axes to draw on; by default those of a new figure.

    Raises:
        RunError: the sweep has no such axis or measure, or has several points at one place.
    """
    axis, what = sweep.axis(x), sweep.measure(measure)
    curves = {label: over_axis(sweep, x, measure, label, band) for label in sweep.labels}
    if ax is None:
        ax = style.new_figure(8.0, 4.8).add_subplot()
    several = sweep.summary["seed"].nunique() > 1
    caption = f"{seeds_said(sweep)}; {_BANDS[band]}" if several else seeds_said(sweep)
    style.dress(ax, f"{what.name[0].upper()}{what.name[1:]} by {axis.key}", caption=caption)
    ax.set_xlabel(axis.key)
    curves = {label: curve for label, curve in curves.items() if curve["mean"].notna().any()}
    if not curves:
        style.say(ax, nothing_said(sweep, what))
        ax.set(xticks=[], yticks=[])
        return ax

    means = np.concatenate([curve["mean"].dropna() for curve in curves.values()])
    divisor = 1.0
    if what.kind != "fraction" and spans_wide(means):
        logarithmic(ax, what.kind, "y", spread=float(means.max() / means.min()))
        ax.set_ylabel(what.name)
    else:
        divisor = linear(ax, what.kind, what.name, float(np.abs(means).max()), "y").divisor
    order = sweep.places
    labels = [_draw_line(ax, label, curve, divisor, order[label]) for label, curve in curves.items()]
    _dress_axis(ax, axis)
    ax.margins(y=0.08)
    name_curves(ax, labels, [style.shortened(label) for label in curves])
    return ax


def _draw_line(ax: Axes, label: str, curve: pd.DataFrame, divisor: float, index: int) -> EndLabel:
    """Draw the line of one label, with its band, and return the name to write at its end."""
    x, mean = curve["x"], curve["mean"] / divisor
    look = style.line_style(index)
    ax.plot(x, mean, linewidth=1.8, markersize=5, markeredgecolor="white", markeredgewidth=0.6, label=label,
            gid="curve", zorder=3, **look)  # type: ignore[arg-type]  # fmt: skip
    if (curve["seeds"] > 1).any():
        band = (curve["low"] / divisor, curve["high"] / divisor)
        ax.fill_between(x, *band, color=style.line_colour(index), alpha=0.15, linewidth=0)
    last = mean.last_valid_index()
    return EndLabel(style.shortened(label), float(x[last]), float(mean[last]), style.darker(style.line_colour(index)))


def _dress_axis(ax: Axes, axis: Axis) -> None:
    """Put a tick with its text at each value, leaving out those that would touch the one before."""
    if axis.logarithmic:
        ax.set_xscale("log")
    forward = np.log if axis.logarithmic else np.asarray
    positions = np.asarray(forward(axis.positions), dtype=float)
    span = float(np.ptp(positions)) or 1.0
    kept: list[int] = []
    for index in np.argsort(positions):
        if not kept or positions[index] - positions[kept[-1]] >= max(_TICK_GAP, 1 / _MOST_TICKS) * span * 0.99:
            kept.append(int(index))
    ticks = tuple(style.shortened(axis.ticks[index], 18) for index in kept)
    ax.xaxis.set_major_locator(FixedLocator([axis.positions[index] for index in kept]))
    ax.xaxis.set_major_formatter(FixedFormatter(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    turn_crowded(ax, ticks)
