"""The timeline of one round, lane by lane: what each device and the server did, and when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from analysis import style
from analysis.runs import Run
from simulator.settings.humanize import Scale, human, scale

MOST_DEVICES = 8
MOST_SLOTS = 6
# If the longest round takes more than this many times as long as the shortest, each panel has a time axis of its own.
OWN_CLOCK_FROM = 8.0
_LANES = ("compute", "up", "down")
_LANE, _BETWEEN = 1.0, 0.7  # heights: a lane, and the space between two sites

Span = tuple[float, float, str]  # seconds since the round's start, seconds, phase


@dataclass
class _Site:
    """One site of a timeline.

    Attributes:
        name: the name of the site.
        lanes: its lanes from top to bottom, each with its name and its spans.
    """

    name: str
    lanes: list[tuple[str, list[Span]]] = field(default_factory=list)


@dataclass(frozen=True)
class Timeline:
    """One round of one label.

    Attributes:
        label: the label.
        round_number: the number of the round.
        sites: the sites shown: devices in the order in which they finish, then servers.
        seconds: the length of the round.
        devices: how many devices took part, shown or not.
    """

    label: str
    round_number: int
    sites: list[_Site]
    seconds: float
    devices: int

    @property
    def said(self) -> str:
        """The length of the round in words and, if not all devices are shown, how many are."""
        shown = sum(1 for site in self.sites if tuple(name for name, _ in site.lanes) == _LANES)
        some = f", {shown} of {self.devices} devices" if shown < self.devices else ""
        return f"{human('seconds', self.seconds)}{some}"

    @property
    def phases(self) -> list[str]:
        """The phases that occur, in the order of `style.phase_order`."""
        return style.phase_order(phase for site in self.sites for _, spans in site.lanes for *_, phase in spans)


def usual_round(run: Run) -> int:
    """Return the round to show: the first after round 1 in which no label provisions a device; else round 2, else 1.

    It is the same round for all labels, so that their cohorts are the same as well.

    Raises:
        RunError: a ledger cannot be read.
    """
    lengths = run.rounds[run.rounds["label"].isin(run.labels)].groupby("label")["round"].max()
    last = int(lengths.min()) if len(lengths) else 1
    provisioning: set[int] = set()
    for label in run.labels:
        provisioning |= set(run.transfers(label, run.seeds(label)[0], phase="provisioning")["round"])
    usual = [number for number in range(2, last + 1) if number not in provisioning]
    return usual[0] if usual else min(2, max(last, 1))


def read_timeline(run: Run, label: str, round_number: int) -> Timeline:
    """Read one round of a label's first seed from its ledger.

    If many devices took part, the fastest, the slowest and some in between are kept.

    Args:
        run: the run.
        label: the label.
        round_number: the number of the round.

    Raises:
        RunError: the ledger cannot be read.
    """
    seed = run.seeds(label)[0]
    works = run.works(label, seed, round=round_number)
    transfers = run.transfers(label, seed, round=round_number)
    zero = float(min([*works["start"], *transfers["start"]], default=0.0))
    lanes: dict[tuple[str, str], list[Span]] = defaultdict(list)  # by site and lane
    for site, start, seconds, phase in _rows(works, "site", "start", "seconds", "phase"):
        lanes[site, "compute"].append((start - zero, seconds, phase))
    for source, target, start, seconds, phase in _rows(transfers, "source", "target", "start", "seconds", "phase"):
        for end in ((source, "up"), (target, "down")):
            lanes[end].append((start - zero, seconds, phase))
    length = max((start + seconds for spans in lanes.values() for start, seconds, _ in spans), default=0.0)

    clients = set(works["client"].dropna()) | set(transfers["client"].dropna())
    finish = {
        client: max((start + seconds for lane in _LANES for start, seconds, _ in lanes[client, lane]), default=0.0)
        for client in clients
    }
    devices = sorted(clients, key=lambda client: (finish[client], client))
    sites = [_Site(site, [(lane, lanes[site, lane]) for lane in _LANES]) for site in _some(devices, MOST_DEVICES)]
    for server in sorted({site for site, lane in lanes if lane == "compute" and lanes[site, lane]} - clients):
        slots = _slots(lanes[server, "compute"])
        sites.append(
            _Site(server, [(f"slot {n}" if len(slots) > 1 else "compute", spans) for n, spans in slots.items()])
        )
    return Timeline(label, round_number, sites, length, len(devices))


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
    timelines = [read_timeline(run, label, round_number) for label in run.labels]
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
    style.dress(ax, f"{timeline.label}: round {timeline.round_number}, {timeline.said}", grid="x")
    unit = scale("seconds", span)
    colours = style.phase_colours(phases)
    top = 0.0
    for site in timeline.sites:
        bottom = top + _LANE * len(site.lanes)
        ax.axhspan(top - 0.15, bottom + 0.15, color="#f4f4f4", linewidth=0, zorder=0)
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
    for phase in dict.fromkeys(phase for *_, phase in spans):
        bars = _joined([(start, seconds) for start, seconds, other in spans if other == phase], span)
        ax.broken_barh(
            [(start / unit.divisor, seconds / unit.divisor) for start, seconds in bars],
            (top + 0.06, _LANE - 0.12),
            facecolor=colours[phase],
            linewidth=0,
        )


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


def _rows(frame: pd.DataFrame, *columns: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a frame as plain tuples, a hundred times as fast as the frame's own iterators."""
    return zip(*(frame[column].tolist() for column in columns), strict=True)


def _some(devices: list[str], most: int) -> list[str]:
    """Return at most so many devices, evenly spread; the first (fastest) and the last (slowest) are always kept."""
    if len(devices) <= most:
        return devices
    return [devices[index] for index in np.linspace(0, len(devices) - 1, most).round().astype(int)]


def _slots(spans: Sequence[Span]) -> dict[int, list[Span]]:
    """Distribute works over lanes, numbered from 1: each to the first free lane, or to the last if none is free."""
    lanes: list[list[Span]] = []
    for span in sorted(spans):
        slack = 1e-9 * (1.0 + span[0])  # rounding: a work that starts when another ends does not overlap with it
        free = next((lane for lane in lanes if lane[-1][0] + lane[-1][1] <= span[0] + slack), None)
        if free is None and len(lanes) < MOST_SLOTS:
            lanes.append([span])
        else:
            (free if free is not None else lanes[-1]).append(span)
    return dict(enumerate(lanes or [[]], start=1))


def _height(sites: Sequence[_Site]) -> float:
    return sum(_LANE * len(site.lanes) + _BETWEEN for site in sites)
