"""The common parts of all interactive figures: our colours, dashes, units and texts in Plotly's terms."""

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
"""The colours that a dark page replaces: those too dark to be seen on it, and the white of its background."""

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
    """A row of buttons, one of which is pressed.

    Attributes:
        name: what the buttons choose.
        options: the texts of the buttons.
    """

    name: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Chart:
    """A figure of a report, with the knobs that choose what it shows.

    Attributes:
        name: its name in the page's data.
        title: its title.
        caption: how to read it.
        figures: a figure for each setting of the knobs, keyed by the indices of the options that are pressed: `0|1` for
            the first of the first knob and the second of the second.
        knobs: the rows of buttons.
        labels: the labels that its legend switches on and off; a trace belongs to one by its `legendgroup`.
        section: the section of the page that it stands in.
    """

    name: str
    title: str
    caption: str
    figures: Mapping[str, Figure]
    knobs: tuple[Knob, ...] = ()
    labels: tuple[str, ...] = field(default=())
    section: str = "Figures"


@dataclass(frozen=True)
class Look:
    """How a label is drawn: the same in every figure, and distinct in grey as well.

    Attributes:
        colour: its colour, as `#rrggbb`.
        dash: the dashes of its line, as Plotly takes them.
        symbol: its marker, as Plotly names it.
    """

    colour: str
    dash: str
    symbol: str

    @classmethod
    def of(cls, place: int) -> Look:
        """Return the look of the label at this place: that of the PNG figures, in Plotly's terms."""
        line = style.line_style(place)
        dashes = line["linestyle"]
        dash = "solid" if isinstance(dashes, str) else _pixels(cast("tuple[int, Sequence[float]]", dashes)[1])
        return cls(str(line["color"]), dash, _SYMBOLS[str(line["marker"])])

    def marker(self, size: float = 8) -> dict[str, Any]:
        """Return the marker of this label, `size` pixels wide, with a white rim that separates overlapping markers."""
        return {"color": self.colour, "symbol": self.symbol, "size": size, "line": {"color": "#ffffff", "width": 1}}


@dataclass(frozen=True)
class Ruler:
    """How a quantity is drawn along an axis.

    Attributes:
        divisor: the unit of the axis, in SI: what numbers are divided by.
        axis: the axis, as Plotly takes it.
        unit: the name of the unit; empty where ticks carry their own, or there is none.
    """

    divisor: float
    axis: dict[str, Any]
    unit: str = ""


def ruler(kind: Kind, name: str, values: Iterable[float], linear: bool = False) -> Ruler:
    """Return an axis in the unit in which its largest value reads best; logarithmic if the values span a wide range.

    Args:
        kind: the kind of quantity.
        name: the name of the axis.
        values: the values, in SI.
        linear: keep the axis linear whatever the range, as bars need it.
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
    """Return ticks with units: round clock times, or SI prefixes, which Plotly writes itself."""
    if kind == "seconds":
        values = _CLOCK_TICKS if spread < 1000 else _SPARSE_CLOCK_TICKS
        return {"tickvals": list(values), "ticktext": [scale("seconds", value).text(value) for value in values]}
    if kind in ("usd", "kg"):  # SI prefixes do not suit either
        return {"tickformat": ",~g", "ticksuffix": f" {scale(kind, 1.0).unit}", "dtick": "D2" if spread < 1000 else 1}
    suffix = {"bytes": "B", "joules": "J", "flops": "FLOP"}.get(kind, "")
    return {"tickformat": "~s", "ticksuffix": suffix, "dtick": "D2" if spread < 1000 else 1}


def exact(kind: Kind, value: float | None) -> str:
    """Return a quantity (SI) as text with five significant digits, in the unit that suits it."""
    if value is None or not math.isfinite(value):
        return "no value"
    unit = scale(kind, value)
    return f"{value / unit.divisor:,.5g} {unit.unit}".rstrip()


def plain(text: object) -> str:
    """Return a name escaped so that Plotly shows it letter by letter: it would take <b> and the like for markup."""
    return html.escape(str(text), quote=False)


def number(value: float, digits: int = 6) -> float | None:
    """Return a number rounded to so many significant digits; None, which Plotly leaves out, if it is not finite."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def numbers(values: Iterable[float], divisor: float = 1.0) -> list[float | None]:
    """Return numbers divided by a unit and rounded as by `number`."""
    return [number(float(value) / divisor) for value in values]


def layout(height: int, x: Mapping[str, Any], y: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return the layout that all figures share.

    The page draws all legends itself; where `showlegend` is set, it draws one of the names of the traces.

    Args:
        height: the height of the figure, in pixels.
        x: what is particular to the x axis.
        y: what is particular to the y axis.
        more: further keys of the layout.
    """
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
