"""Quantiles as rows of a figure: a line from least to most, bars for 90 % and for half, a mark at the median."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from analysis import style
from analysis.crowds import Spread
from analysis.interactive.figure import exact, number
from simulator.settings.humanize import Kind, human

HOW_TO_READ = (
    "The line reaches from the least to the most of any device, the pale bar from 5 % to 95 % of the devices, the full "
    "one from 25 % to 75 %; the mark is the median. Point at a mark for the figures."
)


class Row(NamedTuple):
    """A row of quantiles.

    Attributes:
        at: where it is along the axis of rows.
        spread: the quantiles, in SI units.
        title: what it is about, as HTML.
    """

    at: float
    spread: Spread
    title: str


def traces_of(
    rows: Sequence[Row], kind: Kind, divisor: float, colour: str, name: str, group: str = ""
) -> list[dict[str, Any]]:
    """Return the traces of rows that have one colour.

    Args:
        rows: the rows.
        kind: the kind of quantity.
        divisor: the unit of the axis, in SI units.
        colour: the colour.
        name: what the rows are.
        group: the label that switches them on and off; empty: none does.
    """
    spans = (
        ("least", "most", colour, 1.2),
        ("low", "high", style.paler(colour, 0.55), 11.0),
        ("lower", "upper", colour, 11.0),
    )
    belongs = {"name": name, **({"legendgroup": group} if group else {})}
    traces: list[dict[str, Any]] = []
    for low, high, tint, width in spans:
        ends = [(getattr(row.spread, low), getattr(row.spread, high)) for row in rows]
        traces.append(
            belongs
            | {
                "type": "scatter",
                "mode": "lines",
                "x": [each for a, b in ends for each in (number(a / divisor), number(b / divisor), None)],
                "y": [each for row in rows for each in (row.at, row.at, None)],
                "line": {"color": tint, "width": width},
                "hoverinfo": "skip",
            }
        )
    traces.append(
        belongs
        | {
            "type": "scatter",
            "mode": "markers",
            "x": [number(row.spread.median / divisor) for row in rows],
            "y": [row.at for row in rows],
            "marker": {"color": style.INK, "symbol": "line-ns-open", "size": 15, "line": {"width": 2.4}},
            "hoverinfo": "text",
            "hovertext": [f"{row.title}<br>{_told(row.spread, kind)}" for row in rows],
        }
    )
    return traces


def _told(spread: Spread, kind: Kind) -> str:
    """Return quantiles in words, one below the other."""
    named = (
        *(("most", spread.most), ("95 %", spread.high), ("75 %", spread.upper), ("median", spread.median)),
        *(("25 %", spread.lower), ("5 %", spread.low), ("least", spread.least)),
    )
    lines = [f"{name}: {exact(kind, value)}" for name, value in named]
    return "<br>".join([f"{human('count', spread.devices)} devices", *lines])
