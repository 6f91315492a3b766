"""Axes of quantities: linear ones with one unit in their name, logarithmic ones with a unit at each tick."""

from __future__ import annotations

from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, Locator, LogLocator, NullLocator

from simulator.settings.humanize import Kind, Scale, human, scale

# If the longest line is more than this many times as long as the shortest, the latter is but a dot on a linear axis.
LOG_FROM = 30.0
# Round clock times, in seconds: beyond a minute, powers of ten of a second mean nothing to a reader.
_CLOCK_TICKS = (1e-3, 1e-2, 0.1, 1, 10, 60, 600, 3600, 36_000, 86_400, 864_000, 8_640_000)
_CLOSE_CLOCK_TICKS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 18_000, 43_200, 86_400, 172_800)


def spans_wide(values: Iterable[float]) -> bool:
    """Return whether all quantities are positive and so far apart that only a logarithmic axis shows them all."""
    present = [value for value in values if value == value]
    return bool(present) and min(present) > 0 and max(present) > LOG_FROM * min(present)


def logarithmic(ax: Axes, kind: Kind, along: str = "x", spread: float = 1e9) -> None:
    """Make an axis logarithmic, in SI, with units at its ticks.

    Args:
        ax: the axes.
        kind: the kind of quantity.
        along: "x" or "y".
        spread: the ratio of the largest value to the smallest; if it is small, there are more ticks.
    """
    axis: Axis = ax.xaxis if along == "x" else ax.yaxis
    ax.set(**{f"{along}scale": "log"})
    axis.set_major_locator(log_locator(kind, spread))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: human(kind, value)))


def log_locator(kind: Kind, spread: float) -> Locator:
    """Return the ticks of a logarithmic axis that spans this ratio: round clock times, or powers of ten."""
    close = spread < 1000
    if kind == "seconds":
        return FixedLocator(_CLOSE_CLOCK_TICKS if close else _CLOCK_TICKS)
    return LogLocator(10.0, subs=(1.0, 2.0, 5.0) if close else (1.0,), numticks=9)


def linear(ax: Axes, kind: Kind, name: str, largest: float, along: str = "x") -> Scale:
    """Name a linear axis, with the unit in which its largest value reads best, and return that unit.

    Args:
        ax: the axes.
        kind: the kind of quantity.
        name: the name of the axis.
        largest: the largest value, in SI.
        along: "x" or "y".
    """
    unit = Scale(1.0, "") if kind == "fraction" else scale(kind, largest)
    ax.set(**{f"{along}label": f"{name} ({unit.unit})" if unit.unit else name})
    if kind == "fraction":
        axis: Axis = ax.xaxis if along == "x" else ax.yaxis
        axis.set_major_formatter(FuncFormatter(lambda value, _: human("fraction", round(value, 6))))
    return unit
