"""Stacked bars, one for each label: the trace of a piece, and the frame with the totals at the ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis import style
from analysis.interactive.figure import layout, number, plain
from simulator.settings.humanize import Kind, human


def piece(phase: str, colour: str, shape: str, first: bool) -> dict[str, Any]:
    """Return the trace of one piece of a phase, without its values.

    Args:
        phase: the phase.
        colour: its colour.
        shape: the pattern of the piece; empty for a plain one.
        first: whether it is the first of its phase, which stands in the legend.
    """
    marker: dict[str, Any] = {"color": colour, "line": {"color": "#ffffff", "width": 0.5}}
    if shape:
        marker["pattern"] = {"shape": shape, "fgcolor": "#ffffff", "fgopacity": 0.85, "size": 6,
                             "fillmode": "overlay"}  # fmt: skip
    kind = {"type": "bar", "orientation": "h", "name": plain(phase), "legendgroup": phase, "showlegend": first}
    return kind | {"marker": marker, "hoverinfo": "text"}


def frame_of(labels: Sequence[str], across: dict[str, Any], margin: int = 76) -> dict[str, Any]:
    """Return the layout of stacked bars, one for each label from top to bottom.

    Args:
        labels: the labels.
        across: the settings of the axis along the bars.
        margin: the room at the ends of the bars, in pixels.
    """
    names = [plain(label) for label in style.shortened_apart(labels, 22)]
    up = {"tickvals": list(range(len(labels))), "ticktext": names, "autorange": "reversed", "showgrid": False}
    frame = layout(112 + 44 * len(labels), across, up)
    frame |= {"barmode": "stack", "bargap": 0.32, "showlegend": True}
    frame["margin"] |= {"r": margin}
    return frame


def totals_at_ends(totals: Mapping[str, float], labels: Sequence[str], kind: Kind, divisor: float) -> list[Any]:
    """Return the annotations that write the total of each label at the end of its bar.

    Args:
        totals: the total of each label, in SI units.
        labels: the labels, from top to bottom.
        kind: the kind of quantity.
        divisor: the unit of the axis, in SI units.
    """
    at_end = {"xanchor": "left", "showarrow": False, "xshift": 4}
    return [
        at_end | {"x": number(totals[label] / divisor), "y": row, "text": human(kind, totals[label])}
        for row, label in enumerate(labels)
    ]
