"""The timeline of one round, lane by lane: what each device and the server did, and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from analysis import style
from analysis.lanes import Span
from analysis.runs import Run
from analysis.spans import MOST_DEVICES, Site, Timeline, read_timeline, usual_round
from simulator.settings.humanize import Scale, scale

# If the longest round takes more than this many times as long as the shortest, each panel has a time axis of its own.
OWN_CLOCK_FROM = 8.0
_LANE, _BETWEEN = 1.0, 0.7  # heights: a lane, and the space between two sites
_AWAY: dict[str, Any] = {"facecolor": "#e0e0e0", "edgecolor": "#9a9a9a", "hatch": "////", "linewidth": 0}


def plot_round_timeline(run: Run, round_number: int | None = None, axes: Sequence[Axes] | None = None) -> list[Axes]:
    """Draw one round in a panel per label: the lanes of its devices and servers.

    Args:
        run: the run.
        round_number: the number of the round; by default `usual_round`.
        axes: the axes to draw on, one per label; by default those of a new figure.

    Returns:
        The axes.

    Raises:
        RunError: a ledger cannot be read.
    """
    round_number = usual_round(run) if round_number is None else round_number
    timelines = [read_timeline(run, label, round_number).thinned(MOST_DEVICES) for label in run.labels]
    longest = max(timeline.seconds for timeline in timelines)
    shortest = min(timeline.seconds for timeline in timelines)
    shared = longest <= OWN_CLOCK_FROM * shortest
    if axes is None:
        heights = [0.85 + 0.1 * _height(timeline.sites) for timeline in timelines]
        figure = style.new_figure(10.0, 0.5 + sum(heights))
        grid = figure.subplots(len(timelines), 1, squeeze=False, height_ratios=heights)
        axes = [row[0] for row in grid]
    phases = style.phase_order(phase for timeline in timelines for phase in timeline.phases)
    for ax, timeline in zip(axes, timelines, strict=True):
        span = longest if shared else timeline.seconds
        draw_timeline(ax, timeline, phases, span)
        if shared and ax is not axes[-1]:
            ax.set_xlabel("")  # that of the last panel serves all
    colours = style.phase_colours(phases)
    handles = [Patch(facecolor=colours[phase], label=phase) for phase in phases]
    if any(timeline.lossy for timeline in timelines):
        handles.append(Patch(**_lost("#9a9a9a"), label="wasted"))
    if causes := dict.fromkeys(cause for timeline in timelines for cause in timeline.absences):
        handles.append(Patch(**_AWAY, label=" or ".join(causes)))
    style.shared_legend(axes[0], handles, columns=6)
    return list(axes)


def draw_timeline(ax: Axes, timeline: Timeline, phases: Sequence[str], span: float) -> None:
    """Draw one round.

    Args:
        ax: the axes to draw on.
        timeline: the round.
        phases: all phases of the figure, which settle the colours.
        span: the length of the time axis, in seconds.
    """
    style.dress(ax, f"{timeline.label}: {timeline.title}, {timeline.said}", grid="x")
    unit = scale("seconds", span)
    colours = style.phase_colours(phases)
    top = 0.0
    for site in timeline.sites:
        bottom = top + _LANE * len(site.lanes)
        ax.axhspan(top - 0.15, bottom + 0.15, color="#f4f4f4", linewidth=0, zorder=0)
        away = [(start / unit.divisor, seconds / unit.divisor) for start, seconds, _ in site.away]
        ax.broken_barh(away, (top, bottom - top), zorder=0.5, **_AWAY)
        _write_left(ax, style.shortened(site.name, 22), 0.055, (top + bottom) / 2, 8, style.INK)
        for name, spans in site.lanes:
            _write_left(ax, name, 0.004, top + _LANE / 2, 5.5, style.QUIET)
            _draw_lane(ax, spans, top, unit, colours, span)
            top += _LANE
        top += _BETWEEN
    ax.set_ylim(max(top - _BETWEEN, _LANE) + 0.3, -0.3)
    ax.set_xlim(0, (span or 1.0) / unit.divisor * 1.01)
    ax.set_xlabel(f"since the round's start ({unit.unit})", fontsize=8.5)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)


def _write_left(ax: Axes, text: str, away: float, y: float, size: float, colour: str) -> None:
    """Write text left of the axes, in place of tick labels, which have one column only.

    Args:
        ax: the axes.
        text: the text.
        away: the distance from its end to the axes, in widths of the axes.
        y: its height, in data coordinates.
        size: its font size, in points.
        colour: its colour.
    """
    transform = ax.get_yaxis_transform()
    ax.text(-away, y, text, transform=transform, ha="right", va="center", fontsize=size, color=colour, parse_math=False)


def _draw_lane(ax: Axes, spans: Sequence[Span], top: float, unit: Scale, colours: dict[str, str], span: float) -> None:
    for phase, lost in dict.fromkeys((one.phase, bool(one.reason)) for one in spans):
        alike = [(one.start, one.seconds) for one in spans if (one.phase, bool(one.reason)) == (phase, lost)]
        plain: dict[str, Any] = {"facecolor": colours[phase], "linewidth": 0}
        bars = [(start / unit.divisor, seconds / unit.divisor) for start, seconds in _joined(alike, span)]
        ax.broken_barh(bars, (top + 0.06, _LANE - 0.12), **(_lost(colours[phase]) if lost else plain))


def _lost(colour: str) -> dict[str, Any]:
    """Return how work in vain is drawn: paler, and hatched in the colour of its phase."""
    return {"facecolor": style.paler(colour), "edgecolor": colour, "hatch": "xxxxx", "linewidth": 0}


def _joined(bars: Sequence[tuple[float, float]], span: float) -> list[tuple[float, float]]:
    """Join bars across invisible gaps and widen those too thin to be seen, so that thousands become few.

    Args:
        bars: start and length of each bar, in seconds.
        span: the length of the time axis, in seconds.
    """
    gap, thinnest = span / 3000, span / 800  # less than a pixel, and a pixel and a half
    joined: list[tuple[float, float]] = []
    for start, seconds in sorted(bars):
        stop = start + max(seconds, thinnest)
        if joined and start - sum(joined[-1]) <= gap:
            first = joined[-1][0]
            joined[-1] = (first, max(sum(joined[-1]), stop) - first)
        else:
            joined.append((start, stop - start))
    return joined


def _height(sites: Sequence[Site]) -> float:
    return sum(_LANE * len(site.lanes) + _BETWEEN for site in sites)
