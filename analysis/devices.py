"""What the devices of a crowd did and used, by group: quantiles in place of a bar for each device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from analysis import style
from analysis.crowds import MOST_BARS, Spread, few_groups, spreads
from analysis.memo import once_a_run
from analysis.per_device import per_device
from analysis.runs import Run
from analysis.server import OwnLabels
from simulator.settings.humanize import Kind, human, scale


class Quantity(NamedTuple):
    """A quantity of a device.

    Attributes:
        name: what it is called.
        column: its column in `Devices.frame`.
        kind: its kind.
        axis: the name of its axis.
    """

    name: str
    column: str
    kind: Kind
    axis: str


QUANTITIES = (
    Quantity("Busy", "busy_s", "seconds", "computing, sending and receiving"),
    Quantity("Waiting", "wait_s", "seconds", "waiting while it takes part"),
    Quantity("Bytes", "bytes", "bytes", "traffic of a device"),
    Quantity("Energy", "energy_j", "joules", "energy of a device"),
    Quantity("Times chosen", "chosen", "count", "times that a device was chosen"),
)


class Crowd(NamedTuple):
    """The devices of one or more trials with very many devices.

    Attributes:
        groups: the groups, in the order of the world; the smallest of very many are one.
        spread: by the name of a quantity, label and group, how it is spread over the devices that took part.
        every: 1, or 2, 3, ... if only every second, third, ... device was looked at.
    """

    groups: list[str]
    spread: dict[tuple[str, str, str], Spread]
    every: int


def crowd_of(own_labels: OwnLabels) -> Crowd | None:
    """Return how the devices of each label's first seed are spread; None where they can be shown one by one.

    Args:
        own_labels: by label as shown, the run that its ledger is in and its label there.

    Raises:
        RunError: a ledger cannot be read.
    """
    groups: dict[str, None] = {}
    found: dict[tuple[str, str, str], Spread] = {}
    every = 1
    for name, (run, label) in own_labels.items():
        own, own_every = _spreads_of(run, label)
        every = max(every, own_every)
        for (quantity, group), spread in own.items():
            groups.setdefault(group)
            found[quantity, name, group] = spread
    return Crowd(list(groups), found, every) if found else None


@once_a_run
def _spreads_of(run: Run, label: str) -> tuple[dict[tuple[str, str], Spread], int]:
    """Return how quantities are spread in each group, by both, and which part of the devices was looked at."""
    devices = per_device(run, label, run.seeds(label)[0])
    if devices is None or len(devices.frame) * devices.every <= MOST_BARS:
        return {}, 1
    groups = few_groups(devices.frame["group"])
    spread = {
        (quantity.name, group): each
        for quantity in QUANTITIES
        for group, each in spreads(devices.frame[quantity.column], groups).items()
    }
    order = {group: place for place, group in enumerate(groups.unique())}
    return dict(sorted(spread.items(), key=lambda item: order[item[0][1]])), devices.every


def plot_devices(run: Run, axes: Sequence[Axes] | None = None) -> list[Axes]:
    """Draw four panels with a row per group and label: time, waiting, traffic and energy of a device, as quantiles.

    Args:
        run: the run, whose trials have more than `MOST_BARS` devices.
        axes: the four axes to draw on; by default those of a new figure.

    Returns:
        The axes.

    Raises:
        RunError: a ledger cannot be read.
        ValueError: the devices of the run can be shown one by one, or its ledger does not tell what they did.
    """
    crowd = crowd_of({label: (run, label) for label in run.labels})
    if crowd is None:
        raise ValueError(f"{run.folder}: no trial has more than {MOST_BARS} devices")
    shown = QUANTITIES[:4]
    if axes is None:
        height = 1.4 + (0.24 * len(run.labels) + 0.12) * len(crowd.groups)
        axes = list(style.new_figure(13.0, height).subplots(1, len(shown), sharey=True))
    rows = [(group, label) for group in crowd.groups for label in run.labels]
    between = 0.6
    places = [row + between * (row // len(run.labels)) for row in range(len(rows))]
    for ax, quantity in zip(axes, shown, strict=True):
        style.dress(ax, quantity.name, grid="x")
        own = {row: crowd.spread.get((quantity.name, label, group)) for row, (group, label) in enumerate(rows)}
        unit = scale(quantity.kind, max((spread.most for spread in own.values() if spread), default=0.0))
        for row, spread in own.items():
            if spread is not None:
                draw_spread(ax, places[row], spread, unit.divisor, style.line_colour(run.places[rows[row][1]]))
        ax.set_xlabel(f"{quantity.axis} ({unit.unit})", fontsize=8.5)
        ax.xaxis.set_major_locator(MaxNLocator(4))
        ax.set_xlim(left=0)
        ax.tick_params(axis="y", length=0)
    middle = (len(run.labels) - 1) / 2
    names = [f"{style.shortened(group, 22)}\n{_count(crowd, group)}" for group in crowd.groups]
    ticks = [places[number * len(run.labels)] + middle for number in range(len(crowd.groups))]
    axes[0].set_yticks(ticks, names, parse_math=False)
    axes[0].set_ylim(places[-1] + 0.7, -0.7)
    if len(run.labels) > 1:
        handles = [Line2D([], [], color=style.line_colour(run.places[label]), linewidth=6) for label in run.labels]
        names = style.shortened_apart(run.labels)
        style.figure_of(axes[0]).legend(
            handles, names, loc="outside lower center", ncols=4, fontsize=8.5, frameon=False
        )
    return list(axes)


def draw_spread(ax: Axes, row: float, spread: Spread, divisor: float, colour: str) -> None:
    """Draw quantiles along a row: a line from least to most, boxes for 90 % and for half, a mark at the median."""
    low, high = spread.low / divisor, spread.high / divisor
    ax.plot([spread.least / divisor, spread.most / divisor], [row, row], color=colour, linewidth=1)
    ax.barh(row, high - low, left=low, height=0.4, color=style.paler(colour), linewidth=0)
    ax.barh(row, (spread.upper - spread.lower) / divisor, left=spread.lower / divisor, height=0.4, color=colour)
    ax.plot([spread.median / divisor] * 2, [row - 0.32, row + 0.32], color=style.INK, linewidth=1.6)


def _count(crowd: Crowd, group: str) -> str:
    """Return how many devices of a group took part, at most with any label."""
    numbers = [spread.devices for (name, _, own), spread in crowd.spread.items() if own == group and name == "Busy"]
    return f"{human('count', max(numbers, default=0) * crowd.every)} took part"
