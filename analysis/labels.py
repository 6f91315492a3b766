"""Which classes each device has: the label histogram of a partition."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis import style
from analysis.runs import Run
from simulator.settings.humanize import human

MOST_DEVICES = 60
"""So many rows can still be told apart."""
MOST_NAMES = 20
"""So many class names stand side by side; beyond, classes are numbers."""


def label_histogram(run: Run, seed: int | None = None) -> pd.DataFrame:
    """Samples of each class (columns, by number) of each client (rows, as the world has them); by default of the
    first seed."""
    rows = run.clients[run.clients["seed"] == (run.clients["seed"].iloc[0] if seed is None else seed)]
    clients = list(dict.fromkeys(rows["client"]))
    wide = rows.pivot_table(index="client", columns="class", values="samples", aggfunc="sum", fill_value=0.0)
    return wide.reindex(index=clients, columns=range(int(run.clients["class"].max()) + 1), fill_value=0.0)


def plot_label_histogram(run: Run, seed: int | None = None, axes: Sequence[Axes] | None = None) -> list[Axes]:
    """Two panels with one row a device: samples by class, darker for more, and all of its samples; their axes."""
    every = label_histogram(run, seed)
    counts = every.iloc[:MOST_DEVICES]
    if axes is None:
        figure = style.new_figure(10.0, 1.6 + 0.17 * len(counts))
        axes = list(figure.subplots(1, 2, sharey=True, width_ratios=(3, 1)))
    left, right = axes
    style.dress(left, "Samples by class")
    left.grid(visible=False)
    style.dress(right, "All samples", grid="x")
    shown = left.imshow(counts.to_numpy(), aspect="auto", cmap="Blues", vmin=0, interpolation="nearest")
    style.figure_of(left).colorbar(shown, ax=left, pad=0.01, fraction=0.05).ax.tick_params(labelsize=8)
    names = dict(zip(run.clients["class"], run.clients["class_name"], strict=True))
    if len(counts.columns) <= MOST_NAMES:
        ticks = [style.shortened(names.get(number, str(number)), 14) for number in counts.columns]
        turned = 45 if max(map(len, ticks)) > 3 else 0
        left.set_xticks(range(len(ticks)), ticks, rotation=turned, ha="right" if turned else "center", parse_math=False)
    else:
        left.xaxis.set_major_locator(MaxNLocator(10, integer=True))
        left.set_xlabel("class")
    left.set_yticks(range(len(counts)), [style.shortened(name, 22) for name in counts.index], parse_math=False)
    left.tick_params(axis="both", length=0, labelsize=8)
    right.barh(range(len(counts)), counts.sum(axis="columns"), height=0.7, color=style.line_colour(0))
    right.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    right.tick_params(axis="y", labelleft=False, length=0)
    if len(every) > len(counts):
        right.set_xlabel(f"the first {len(counts)} of {human('count', len(every))} devices")
    return [left, right]
