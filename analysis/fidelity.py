"""Predicted against measured seconds, on two logarithmic axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


MARKERS = {"fitted": ("o", True), "held out": ("o", False), "listed": ("^", True)}
"""The marker of rows by how they are used, and whether it is hollow: the device was fitted to a row of the same
architecture, to none, or the row counts for nothing."""


def plot_fidelity(
    measured: Sequence[float], predicted: Sequence[float], devices: Sequence[str], used: Sequence[str]
) -> Figure:
    """Return a figure of predicted against measured seconds, with the line on which both are equal.

    Args:
        measured, predicted: seconds of a batch.
        devices: the name of the device of each row; each has a colour.
        used: how each row is used, as a key of ``MARKERS``.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 5.6), dpi=150, layout="constrained")
    axes = figure.subplots()
    ends = min((*measured, *predicted), default=1.0) / 1.5, 1.5 * max((*measured, *predicted), default=1.0)
    axes.plot(ends, ends, color="0.4", linewidth=1, zorder=1)
    for share in (0.65, 1.35):
        axes.plot(ends, [share * end for end in ends], color="0.8", linewidth=0.8, linestyle="--", zorder=0)
    rows = list(zip(measured, predicted, devices, used, strict=True))
    for at, device in enumerate(dict.fromkeys(devices)):
        colour = f"C{at}"
        for kind, (marker, hollow) in MARKERS.items():
            points = [(x, y) for x, y, name, how in rows if name == device and how == kind]
            if points:
                face = "none" if hollow else colour
                across, up = zip(*points, strict=True)
                label = f"{device}, {kind}"
                axes.scatter(across, up, s=28, marker=marker, edgecolors=colour, facecolors=face, label=label, zorder=2)
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends, aspect="equal")
    axes.set_xlabel("measured seconds of a batch")
    axes.set_ylabel("predicted seconds")
    axes.set_title("Predicted against measured (dashed: 35 % off)", fontsize=10)
    axes.legend(fontsize=8, frameon=False)
    return figure
