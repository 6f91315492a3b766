"""Where device time, traffic and device energy go, phase by phase."""

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

# Hatching shows the activity, colour the phase; white strokes stay visible on the colour of every phase, and in grey.
_HATCHES = {"compute": "", "upload": "//////", "download": "....."}

ACTIVITIES = ("compute", "upload", "download", "wait", "idle")
"""The activities, in the order of their pieces in a bar."""
KINDS: dict[str, Kind] = {"seconds": "seconds", "bytes": "bytes", "energy_j": "joules"}
"""The columns of a breakdown that bars can show, and their kinds of quantity."""
_TITLES = {"seconds": "Device time", "bytes": "Traffic", "energy_j": "Device energy"}


@dataclass(frozen=True)
class Bars:
    """A bar per label, made of pieces by phase and activity.

    Attributes:
        column: the column of the breakdown that the bars show.
        kind: its kind of quantity.
        amounts: the pieces (SI) by label, phase and activity, without those that are zero.
        totals: the length of each bar (SI), by label in the order of the run.
        activities: the activities of each phase, phases in the order of `style.phase_order`.
    """

    column: str
    kind: Kind
    amounts: dict[tuple[str, str, str], float]
    totals: dict[str, float]
    activities: dict[str, list[str]]

    @property
    def unit(self) -> Scale:
        """The unit in which the longest bar reads best."""
        return scale(self.kind, max(self.totals.values()))


def bars_of(run: Run, column: str) -> Bars:
    """Return the bars of one column of a run's breakdown, from `device_shares`."""
    shares = device_shares(run, column)
    amounts = {(row["label"], row["phase"], row["activity"]): row[column] for row in shares.to_dict("records")}
    totals = shares.groupby("label")[column].sum().reindex(run.labels).fillna(0.0)
    pieces = {(phase, activity) for _, phase, activity in amounts}
    activities = {
        phase: [activity for activity in ACTIVITIES if (phase, activity) in pieces]
        for phase in style.phase_order(shares["phase"])
    }
    return Bars(column, KINDS[column], amounts, {label: float(totals[label]) for label in run.labels}, activities)


def device_shares(run: Run, column: str) -> pd.DataFrame:
    """Return what the devices spent of `column` (SI), summed over devices, mean over seeds.

    The frame has one row per label, phase and activity, without those that are zero.
    """
    sums = shares_of_devices(run.breakdown, column, "label")
    if sums.empty:  # the devices did nothing
        return sums
    seeds = run.summary.groupby("label")["seed"].nunique()
    sums[column] = sums[column] / sums["label"].map(seeds)
    return sums


def shares_of_devices(breakdown: pd.DataFrame, column: str, key: str) -> pd.DataFrame:
    """Return what the devices spent of a column, summed over devices.

    Waiting is a phase of its own, whatever the devices waited for; so is idle power, which has energy only. A transfer
    counts at the device, so that no byte counts twice.

    Args:
        breakdown: the breakdown of a run.
        column: the column: `seconds`, `bytes` or `energy_j`.
        key: the column by whose values the sums are taken, beside phase and activity.

    Returns:
        A frame with the columns `key`, phase, activity and `column` (SI), without rows that are zero.
    """
    rows = breakdown[breakdown["side"] == "client"]
    if column != "energy_j":  # an idle row spans the whole engaged time, whose seconds the other rows hold already
        rows = rows[rows["activity"] != "idle"]
    named = rows.assign(
        phase=rows["phase"].mask(rows["activity"] == "wait", style.WAITING).mask(rows["activity"] == "idle", style.IDLE)
    )
    sums = named.groupby([key, "phase", "activity"], sort=False)[column].sum().reset_index()
    return sums[sums[column] > 0].reset_index(drop=True)


def plot_where_it_goes(run: Run, axes: Sequence[Axes] | None = None) -> list[Axes]:
    """Draw three panels of stacked bars, one bar per label: device time, traffic and device energy.

    Args:
        run: the run.
        axes: the three axes to draw on; by default those of a new figure.

    Returns:
        The axes.
    """
    panels = [bars_of(run, column) for column in KINDS]
    phases = style.phase_order(phase for bars in panels for phase in bars.activities)
    if axes is None:
        height = 1.9 + 0.42 * len(run.labels)
        axes = list(style.new_figure(12.0, height).subplots(1, len(panels), sharey=True))
    for index, (ax, bars) in enumerate(zip(axes, panels, strict=True)):
        _draw_panel(ax, bars, phases, named=index == 0)
    _legend(axes[0], phases, panels)
    return list(axes)


def _draw_panel(ax: Axes, bars: Bars, phases: list[str], named: bool) -> None:
    style.dress(ax, _TITLES[bars.column], grid="x")
    unit, labels, longest = bars.unit, list(bars.totals), max(bars.totals.values())
    colours = style.phase_colours(phases)
    for row, label in enumerate(labels):
        left = 0.0
        for phase in phases:
            for activity in bars.activities.get(phase, ()):
                width = bars.amounts.get((label, phase, activity), 0.0) / unit.divisor
                if width:
                    hatch = _HATCHES.get(activity, "")
                    bar = ax.barh(row, width, left=left, height=0.66, color=colours[phase], hatch=hatch, linewidth=0.4)
                    bar[0].set_edgecolor("white")
                    left += width
        ax.annotate(
            human(bars.kind, bars.totals[label]),
            xy=(left, row),
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
    present = {activity for bars in panels for activities in bars.activities.values() for activity in activities}
    handles += [
        Patch(facecolor="#9a9a9a", edgecolor="white", hatch=hatch, linewidth=0, label=activity)
        for activity, hatch in _HATCHES.items()
        if activity in present
    ]
    style.shared_legend(ax, handles, columns=6)
