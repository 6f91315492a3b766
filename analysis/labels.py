"""The label histogram of a partition: how many samples of each class each device holds."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis import style
from analysis.runs import Run
from simulator.settings.humanize import human

MOST_DEVICES = 60
"""The most rows that can be told apart."""
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

    Args:
        run: the run.
        seed: the seed of the partition; by default the run's first.
        axes: the two axes to draw on; by default those of a new figure.

    Returns:
        The two axes.
    """
    histogram = label_histogram(run, seed)
    counts = histogram.iloc[:MOST_DEVICES]
    if axes is None:
        figure = style.new_figure(10.0, 1.6 + 0.17 * len(counts))
        axes = list(figure.subplots(1, 2, sharey=True, width_ratios=(3, 1)))
    left, right = axes
    style.dress(left, "Samples by class")
    left.grid(visible=False)
    style.dress(right, "All samples", grid="x")
    image = left.imshow(counts.to_numpy(), aspect="auto", cmap="Blues", vmin=0, interpolation="nearest")
    style.figure_of(left).colorbar(image, ax=left, pad=0.01, fraction=0.05).ax.tick_params(labelsize=8)
    names = dict(zip(run.clients["class"], run.clients["class_name"], strict=True))
    if len(counts.columns) <= MOST_NAMES:
        ticks = [style.shortened(names.get(number, str(number)), 14) for number in counts.columns]
        rotation = 45 if max(map(len, ticks)) > 3 else 0
        left.set_xticks(
            range(len(ticks)), ticks, rotation=rotation, ha="right" if rotation else "center", parse_math=False
        )
    else:
        left.xaxis.set_major_locator(MaxNLocator(10, integer=True))
        left.set_xlabel("class")
    left.set_yticks(range(len(counts)), [style.shortened(name, 22) for name in counts.index], parse_math=False)
    left.tick_params(axis="both", length=0, labelsize=8)
    right.barh(range(len(counts)), counts.sum(axis="columns"), height=0.7, color=style.line_colour(0))
    right.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    right.tick_params(axis="y", labelleft=False, length=0)
    if len(histogram) > len(counts):
        right.set_xlabel(f"the first {len(counts)} of {human('count', len(histogram))} devices")
    return [left, right]
