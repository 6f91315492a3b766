"""What the devices of a crowd did and used, by group and label, as quantiles: one quantity at a time."""

from __future__ import annotations

from collections.abc import Mapping

from analysis import style
from analysis.devices import QUANTITIES, Crowd, Quantity, crowd_of
from analysis.interactive.figure import Chart, Figure, Knob, Look, layout, plain, ruler
from analysis.interactive.spreads import HOW_TO_READ, Row, traces_of
from analysis.server import OwnLabels
from simulator.settings.humanize import human

_BETWEEN = 0.6
"""The space between two groups, in rows."""


def devices_chart(own_labels: OwnLabels, places: Mapping[str, int]) -> Chart | None:
    """Return the chart of the devices by group; None where they are few enough to be told one by one.

    Args:
        own_labels: by label as shown, the run that its ledger is in and its label there.
        places: by label as shown, the place that settles how it looks.

    Raises:
        RunError: a ledger cannot be read.
    """
    crowd = crowd_of(own_labels)
    if crowd is None:
        return None
    figures = {
        str(index): devices_figure(crowd, quantity, list(own_labels), places)
        for index, quantity in enumerate(QUANTITIES)
    }
    caption = f"These are too many devices for a bar each, so here are quantiles by group. {HOW_TO_READ} "
    caption += "Devices that never took part count in how often they were chosen, and nowhere else."
    if crowd.every > 1:
        caption += f" Of the devices, one in {human('count', crowd.every)} was looked at."
    knob = Knob("of", tuple(quantity.name for quantity in QUANTITIES))
    return Chart("devices", "The devices, by group", caption, figures, (knob,), tuple(own_labels))


def devices_figure(crowd: Crowd, quantity: Quantity, labels: list[str], places: Mapping[str, int]) -> Figure:
    """Return the figure of one quantity: a row for each group and label, groups from top to bottom.

    Args:
        crowd: the devices.
        quantity: what is shown of them.
        labels: the labels, as shown.
        places: by label, the place that settles how it looks.
    """
    unit = ruler(quantity.kind, quantity.axis, _ends(crowd, quantity))
    traces, ticks = [], []
    for turn, label in enumerate(labels):
        rows = []
        for block, group in enumerate(crowd.groups):
            spread = crowd.spread.get((quantity.name, label, group))
            if spread is not None:
                at = block * (len(labels) + _BETWEEN) + turn
                rows.append(Row(at, spread, f"<b>{plain(label)}</b>, {plain(group)}"))
        colour = Look.of(places[label]).colour
        traces += traces_of(rows, quantity.kind, unit.divisor, colour, plain(label), label)
    ticks = [block * (len(labels) + _BETWEEN) + (len(labels) - 1) / 2 for block in range(len(crowd.groups))]
    names = [plain(style.shortened(group, 22)) for group in crowd.groups]
    bottom = len(crowd.groups) * (len(labels) + _BETWEEN) - _BETWEEN
    up = {"tickvals": ticks, "ticktext": names, "range": [bottom - 0.3, -0.7], "showgrid": False}
    across = unit.axis | ({} if unit.axis.get("type") == "log" else {"rangemode": "tozero"})
    return {"data": traces, "layout": layout(110 + round(24 * bottom), across, up)}


def _ends(crowd: Crowd, quantity: Quantity) -> list[float]:
    return [
        each
        for (name, _, _), spread in crowd.spread.items()
        if name == quantity.name
        for each in (spread.least, spread.most)
    ]
