"""Where device time, bytes and device joules go, phase by phase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from analysis import style
from analysis.runs import Run
from simulator.settings.humanize import Kind, human, scale

# Texture says what was done, colour what for; white strokes stay visible on every phase's colour and in grey.
_HATCHES = {"compute": "", "upload": "//////", "download": "....."}


@dataclass(frozen=True)
class _Panel:
    column: str
    kind: Kind
    title: str


_PANELS = (
    _Panel("seconds", "seconds", "Device time"),
    _Panel("bytes", "bytes", "Traffic"),
    _Panel("energy_j", "joules", "Device energy"),
)


def device_shares(run: Run, column: str) -> pd.DataFrame:
    """One row a label, phase and activity: what devices spent of `column` (SI), summed over them, mean over seeds."""
    sums = shares_of_devices(run.breakdown, column, "label")
    seeds = run.summary.groupby("label")["seed"].nunique()
    sums[column] = sums[column] / sums["label"].map(seeds)
    return sums


def shares_of_devices(breakdown: pd.DataFrame, column: str, key: str) -> pd.DataFrame:
    """One row for each value of `key`, phase and activity: what devices spent of `column` (SI), summed over them.

    Waiting is one phase of its own, whatever was waited for; so is idle power, which is only energy. Transfers
    count at the device's end, so no byte counts twice.
    """
    rows = breakdown[breakdown["side"] == "client"]
    if column != "energy_j":  # an idle row spans the whole engaged time: its seconds are those of the other rows
        rows = rows[rows["activity"] != "idle"]
    named = rows.assign(
        phase=rows["phase"].mask(rows["activity"] == "wait", style.WAITING).mask(rows["activity"] == "idle", style.IDLE)
    )
    sums = named.groupby([key, "phase", "activity"], sort=False)[column].sum().reset_index()
    return sums[sums[column] > 0].reset_index(drop=True)


def plot_where_it_goes(run: Run, axes: Sequence[Axes] | None = None) -> list[Axes]:
    """Three panels of stacked bars, one bar a label: device seconds, bytes, device joules; returns their axes."""
    shares = [device_shares(run, panel.column) for panel in _PANELS]
    phases = style.phase_order(phase for frame in shares for phase in frame["phase"])
    if axes is None:
        height = 1.9 + 0.42 * len(run.labels)
        axes = list(style.new_figure(12.0, height).subplots(1, len(_PANELS), sharey=True))
    for place, (ax, panel, frame) in enumerate(zip(axes, _PANELS, shares, strict=True)):
        _draw_panel(ax, panel, frame, run.labels, phases, named=place == 0)
    _legend(axes[0], phases, shares)
    return list(axes)


def _draw_panel(
    ax: Axes, panel: _Panel, shares: pd.DataFrame, labels: list[str], phases: list[str], named: bool
) -> None:
    style.dress(ax, panel.title, grid="x")
    totals = shares.groupby("label")[panel.column].sum().reindex(labels).fillna(0.0)
    unit = scale(panel.kind, float(totals.max()))
    colours = style.phase_colours(phases)
    amounts = {(row.label, row.phase, row.activity): getattr(row, panel.column) for row in shares.itertuples()}
    for line, label in enumerate(labels):
        left = 0.0
        for phase in phases:
            for activity in ("compute", "upload", "download", "wait", "idle"):
                width = amounts.get((label, phase, activity), 0.0) / unit.divisor
                if width:
                    hatch = _HATCHES.get(activity, "")
                    bar = ax.barh(line, width, left=left, height=0.66, color=colours[phase], hatch=hatch, linewidth=0.4)
                    bar[0].set_edgecolor("white")
                    left += width
        ax.annotate(
            human(panel.kind, float(totals[label])),
            xy=(left, line),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=style.INK,
        )
    ax.set_xlabel(unit.unit)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.set_xlim(0, 1.26 * max(float(totals.max()), 1e-300) / unit.divisor)  # room for the totals
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    if named:
        ax.set_yticks(range(len(labels)), style.shortened_apart(labels, 22), parse_math=False)


def _legend(ax: Axes, phases: list[str], shares: Sequence[pd.DataFrame]) -> None:
    colours = style.phase_colours(phases)
    handles = [Patch(facecolor=colours[phase], label=phase) for phase in phases]
    done = {activity for frame in shares for activity in frame["activity"]}
    handles += [
        Patch(facecolor="#9a9a9a", edgecolor="white", hatch=hatch, linewidth=0, label=activity)
        for activity, hatch in _HATCHES.items()
        if activity in done
    ]
    style.shared_legend(ax, handles, columns=6)
