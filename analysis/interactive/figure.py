"""What all interactive figures share: Plotly's words for our colours, dashes, units and texts."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from analysis import style
from analysis.scales import spans_wide
from simulator.settings.humanize import Kind, scale

Figure = dict[str, Any]
"""A figure as Plotly.js takes it: `data`, a list of traces, and `layout`."""

DARK = {"#000000": "#f4f4f4", "#0072B2": "#4ba6e0", style.INK: "#e6e7e9", style.QUIET: "#a0a5ab", "#ffffff": "#1f2226"}
"""Colours that a dark page replaces by others: too dark to be seen on it, or its own background."""

_SYMBOLS = {
    "o": "circle",
    "s": "square",
    "^": "triangle-up",
    "D": "diamond",
    "v": "triangle-down",
    "P": "cross",
    "X": "x",
}
_CLOCK_TICKS = (1e-3, 1e-2, 0.1, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 18_000, 36_000, 86_400)
_SPARSE_CLOCK_TICKS = (1e-3, 1e-2, 0.1, 1, 10, 60, 600, 3600, 36_000, 86_400, 864_000, 8_640_000)


@dataclass(frozen=True)
class Knob:
    """A row of buttons, of which one is pressed."""

    name: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Chart:
    """A figure of a report with its knobs: `figures` has one for each setting of them, `0|1` for the first and second.

    `labels` are the algorithms that its legend switches; traces belong to one by their `legendgroup`.
    """

    name: str
    title: str
    caption: str
    figures: Mapping[str, Figure]
    knobs: tuple[Knob, ...] = ()
    labels: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Look:
    """How the label in one place of the scenario is drawn: the same in every figure, and told apart in grey."""

    colour: str
    dash: str
    symbol: str

    @classmethod
    def of(cls, place: int) -> Look:
        """The colour, dashes and marker that the pictures have, in Plotly's words."""
        said = style.line_style(place)
        dashes = said["linestyle"]
        dash = "solid" if isinstance(dashes, str) else _pixels(cast("tuple[int, Sequence[float]]", dashes)[1])
        return cls(str(said["color"]), dash, _SYMBOLS[str(said["marker"])])

    def marker(self, size: float = 8) -> dict[str, Any]:
        """The marker of this label, with a rim that keeps two that overlap apart."""
        return {"color": self.colour, "symbol": self.symbol, "size": size, "line": {"color": "#ffffff", "width": 1}}


@dataclass(frozen=True)
class Ruler:
    """How a quantity is drawn along an axis: numbers are divided by `divisor`, `axis` is Plotly's own description."""

    divisor: float
    axis: dict[str, Any]
    unit: str = ""


def ruler(kind: Kind, name: str, values: Iterable[float], linear: bool = False) -> Ruler:
    """An axis in the unit in which the largest value (SI) reads best.

    A logarithmic one if they span too much, unless it must be `linear`, as that of bars.
    """
    present = [value for value in values if math.isfinite(value)]
    if kind == "fraction":
        return Ruler(1.0, {"title": {"text": name}, "tickformat": ".4~p"})
    if not linear and spans_wide(present):
        return Ruler(1.0, {"title": {"text": name}, "type": "log"} | _log_ticks(kind, max(present) / min(present)))
    unit = scale(kind, max(present, default=0.0))
    title = f"{name} ({unit.unit})" if unit.unit else name
    return Ruler(unit.divisor, {"title": {"text": title}, "tickformat": ",~g"}, unit.unit)


def _log_ticks(kind: Kind, spread: float) -> dict[str, Any]:
    """Ticks with their units: round clock times, or prefixes of SI, which Plotly itself can write."""
    if kind == "seconds":
        values = _CLOCK_TICKS if spread < 1000 else _SPARSE_CLOCK_TICKS
        return {"tickvals": list(values), "ticktext": [scale("seconds", value).text(value) for value in values]}
    suffix = {"bytes": "B", "joules": "J", "flops": "FLOP"}.get(kind, "")
    return {"tickformat": "~s", "ticksuffix": suffix, "dtick": "D2" if spread < 1000 else 1}


def exact(kind: Kind, value: float | None) -> str:
    """A quantity (SI) for who looks closely: five significant digits, in the unit that fits."""
    if value is None or not math.isfinite(value):
        return "no value"
    unit = scale(kind, value)
    return f"{value / unit.divisor:,.5g} {unit.unit}".rstrip()


def plain(text: object) -> str:
    """A name as Plotly shows it letter by letter: it takes some HTML, such as <b>, for markup."""
    return html.escape(str(text), quote=False)


def number(value: float, digits: int = 6) -> float | None:
    """A number as short as the eye needs; None, which Plotly leaves out, where there is none."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def numbers(values: Iterable[float], divisor: float = 1.0) -> list[float | None]:
    """Numbers in a unit, as short as the eye needs."""
    return [number(float(value) / divisor) for value in values]


def layout(height: int, x: Mapping[str, Any], y: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The common frame. The page draws all legends itself: one of what traces are called where `showlegend` is said."""
    return {
        "height": height,
        "margin": {"l": 60, "r": 16, "t": 30, "b": 52},
        "showlegend": False,
        "hovermode": "closest",
        "xaxis": {"zeroline": False, "automargin": True} | dict(x),
        "yaxis": {"zeroline": False, "automargin": True} | dict(y),
    } | more


def _pixels(lengths: Sequence[float]) -> str:
    return ",".join(f"{2.2 * length:g}px" for length in lengths)
