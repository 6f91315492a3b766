"""The label histogram of a partition: how many samples of each class each device holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis import style
from analysis.crowds import MOST_ROWS
from analysis.devices import draw_spread
from analysis.labels_by_group import GroupData, class_names, data_by_group, devices_recorded
from analysis.runs import Run

MOST_NAMES = 20
"""The most class names that fit side by side; with more classes, the axis shows their numbers."""


def label_histogram(run: Run, seed: int | None = None) -> pd.DataFrame:
    """Return the number of samples of each client (rows, in the order of the world) and class (columns, by number).

    Args:
        run: the run.
        seed: the seed of the partition; by default the run's first.
    """
    rows = run.clients[run.clients["seed"] == (run.clients["seed"].iloc[0] if seed is None else seed)]
    clients = list(dict.fromkeys(rows["client"]))
    table = rows.pivot_table(index="client", columns="class", values="samples", aggfunc="sum", fill_value=0.0)
    return table.reindex(index=clients, columns=range(int(run.clients["class"].max()) + 1), fill_value=0.0)


def plot_label_histogram(run: Run, seed: int | None = None, axes: Sequence[Axes] | None = None) -> list[Axes]:
    """Draw two panels with a row per device: its samples by class, darker for more, and their total.

    Of more devices than there is room for, the rows are groups: the mix of their classes, and quantiles of the samples
    of a device.

    Args:
        run: the run.
        seed: the seed of the partition; by default the run's first.
        axes: the two axes to draw on; by default those of a new figure.

    Returns:
        The two axes.
    """
    if devices_recorded(run, seed) > MOST_ROWS:
        return _plot_groups(run, data_by_group(run, seed), axes)
    counts = label_histogram(run, seed)
    if axes is None:
        figure = style.new_figure(10.0, 1.6 + 0.17 * len(counts))
        axes = list(figure.subplots(1, 2, sharey=True, width_ratios=(3, 1)))
    left, right = axes
    style.dress(left, "Samples by class")
    style.dress(right, "All samples", grid="x")
    _draw_map(left, counts.to_numpy(), run, [style.shortened(name, 22) for name in counts.index])
    right.barh(range(len(counts)), counts.sum(axis="columns"), height=0.7, color=style.line_colour(0))
    right.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    right.tick_params(axis="y", labelleft=False, length=0)
    return [left, right]


def _plot_groups(run: Run, groups: Sequence[GroupData], axes: Sequence[Axes] | None) -> list[Axes]:
    """Draw a row per group: the share of each class in its samples, and quantiles of the samples of a device."""
    if axes is None:
        figure = style.new_figure(10.0, 2.0 + 0.34 * len(groups))
        axes = list(figure.subplots(1, 2, sharey=True, width_ratios=(2, 1)))
    left, right = axes
    style.dress(left, "Share of each class in all samples of a group")
    style.dress(right, "Samples of a device", grid="x")
    names = [f"{style.shortened(group.name, 20)} × {group.samples.devices:,}" for group in groups]
    _draw_map(left, np.array([group.shares for group in groups]), run, names)
    for row, group in enumerate(groups):
        draw_spread(right, row, group.samples, 1.0, style.line_colour(0))
    right.set_xlim(left=0)
    right.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    right.tick_params(axis="y", labelleft=False, length=0)
    right.set_xlabel("least to most, 5 to 95 %,\n25 to 75 %, median", fontsize=8)
    return [left, right]


def _draw_map(left: Axes, values: np.ndarray, run: Run, rows: Sequence[str]) -> None:
    """Draw a map of values by row and class, darker for more.

    Args:
        left: the axes.
        values: the values, rows by classes.
        run: the run, which names the classes.
        rows: the names of the rows.
    """
    left.grid(visible=False)
    image = left.imshow(values, aspect="auto", cmap="Blues", vmin=0, interpolation="nearest")
    style.figure_of(left).colorbar(image, ax=left, pad=0.01, fraction=0.05).ax.tick_params(labelsize=8)
    names = class_names(run)
    if values.shape[1] <= MOST_NAMES:
        ticks = [style.shortened(names.get(number, str(number)), 14) for number in range(values.shape[1])]
        rotation = 45 if max(map(len, ticks)) > 3 else 0
        left.set_xticks(
            range(len(ticks)), ticks, rotation=rotation, ha="right" if rotation else "center", parse_math=False
        )
    else:
        left.xaxis.set_major_locator(MaxNLocator(10, integer=True))
        left.set_xlabel("class")
    left.set_yticks(range(len(rows)), rows, parse_math=False)
    left.tick_params(axis="both", length=0, labelsize=8)
