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
from simulator.settings.humanize import Kind, Scale, human, scale

# Texture says what was done, colour what for; white strokes stay visible on every phase's colour and in grey.
_HATCHES = {"compute": "", "upload": "//////", "download": "....."}


ACTIVITIES = ("compute", "upload", "download", "wait", "idle")
"""In the order of their pieces in a bar."""
KINDS: dict[str, Kind] = {"seconds": "seconds", "bytes": "bytes", "energy_j": "joules"}
"""What a bar can be of: columns of a breakdown."""
_TITLES = {"seconds": "Device time", "bytes": "Traffic", "energy_j": "Device energy"}


@dataclass(frozen=True)
class Bars:
    """A bar a label, of pieces by phase and activity (SI).

    Attributes:
        column, kind: of the breakdown: what the bars are of.
        amounts: by label, phase and activity; what is nothing is not there.
        totals: of each label of the run, in its order.
        activities: what is there of each phase, phases in the common order.
    """

    column: str
    kind: Kind
    amounts: dict[tuple[str, str, str], float]
    totals: dict[str, float]
    activities: dict[str, list[str]]

    @property
    def unit(self) -> Scale:
        """In which the longest bar reads best."""
        return scale(self.kind, max(self.totals.values()))


def bars_of(run: Run, column: str) -> Bars:
    """The bars of one column of a run's breakdown, from `device_shares`."""
    shares = device_shares(run, column)
    amounts = {(row["label"], row["phase"], row["activity"]): row[column] for row in shares.to_dict("records")}
    totals = shares.groupby("label")[column].sum().reindex(run.labels).fillna(0.0)
    there = {(phase, activity) for _, phase, activity in amounts}
    activities = {
        phase: [each for each in ACTIVITIES if (phase, each) in there] for phase in style.phase_order(shares["phase"])
    }
    return Bars(column, KINDS[column], amounts, {label: float(totals[label]) for label in run.labels}, activities)


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
    panels = [bars_of(run, column) for column in KINDS]
    phases = style.phase_order(phase for bars in panels for phase in bars.activities)
    if axes is None:
        height = 1.9 + 0.42 * len(run.labels)
        axes = list(style.new_figure(12.0, height).subplots(1, len(panels), sharey=True))
    for place, (ax, bars) in enumerate(zip(axes, panels, strict=True)):
        _draw_panel(ax, bars, phases, named=place == 0)
    _legend(axes[0], phases, panels)
    return list(axes)


def _draw_panel(ax: Axes, bars: Bars, phases: list[str], named: bool) -> None:
    style.dress(ax, _TITLES[bars.column], grid="x")
    unit, labels, longest = bars.unit, list(bars.totals), max(bars.totals.values())
    colours = style.phase_colours(phases)
    for line, label in enumerate(labels):
        left = 0.0
        for phase in phases:
            for activity in bars.activities.get(phase, ()):
                width = bars.amounts.get((label, phase, activity), 0.0) / unit.divisor
                if width:
                    hatch = _HATCHES.get(activity, "")
                    bar = ax.barh(line, width, left=left, height=0.66, color=colours[phase], hatch=hatch, linewidth=0.4)
                    bar[0].set_edgecolor("white")
                    left += width
        ax.annotate(
            human(bars.kind, bars.totals[label]),
            xy=(left, line),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=style.INK,
        )
    ax.set_xlabel(unit.unit)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.set_xlim(0, 1.26 * max(longest, 1e-300) / unit.divisor)  # room for the totals
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    if named:
        ax.set_yticks(range(len(labels)), style.shortened_apart(labels, 22), parse_math=False)


def _legend(ax: Axes, phases: list[str], panels: Sequence[Bars]) -> None:
    colours = style.phase_colours(phases)
    handles = [Patch(facecolor=colours[phase], label=phase) for phase in phases]
    done = {activity for bars in panels for there in bars.activities.values() for activity in there}
    handles += [
        Patch(facecolor="#9a9a9a", edgecolor="white", hatch=hatch, linewidth=0, label=activity)
        for activity, hatch in _HATCHES.items()
        if activity in done
    ]
    style.shared_legend(ax, handles, columns=6)
