"""The data of a crowd of devices by group: the mix of classes, and quantiles of how unequal the devices are."""

from __future__ import annotations

from collections.abc import Mapping

from analysis import style
from analysis.interactive.figure import Chart, Figure, Knob, layout, number, plain, ruler
from analysis.interactive.spreads import HOW_TO_READ, Row, traces_of
from analysis.labels_by_group import GroupData, class_names, data_by_group
from analysis.runs import Run
from simulator.settings.humanize import Kind, human

QUANTITIES: dict[str, tuple[str, Kind, str]] = {
    "Samples": ("samples", "count", "samples of a device"),
    "Classes": ("classes", "count", "classes that a device has samples of"),
    "Largest class": ("largest", "fraction", "share of the largest class in the samples of a device"),
}
"""By option: the attribute of `GroupData`, its kind, and the name of its axis."""


def by_group_chart(runs: Mapping[str, Run]) -> Chart:
    """Return the chart of the data of each group, one run and one quantity at a time.

    Args:
        runs: the runs by name, each of which has recorded its partition.
    """
    figures: dict[str, Figure] = {}
    for index, run in enumerate(runs.values()):
        groups = data_by_group(run, None)
        every = [mix_figure(groups, class_names(run)), *(spread_figure(groups, name) for name in QUANTITIES)]
        figures |= {f"{index}|{option}": figure for option, figure in enumerate(every)}
    caption = (
        "These are too many devices for a row each, so here are groups. The mix is that of all samples of a group, in "
        "which devices that differ may cancel out: see how unequal they are under “Classes” and “Largest class”, where "
        f"a device whose largest class is all it has knows nothing of the others. {HOW_TO_READ}"
    )
    knobs = (Knob("of", tuple(runs)), Knob("show", ("Mix of classes", *QUANTITIES)))
    return Chart("labels", "Data of the devices, by group", caption, figures, knobs)


def mix_figure(groups: list[GroupData], names: Mapping[int, str]) -> Figure:
    """Return the map of the share of each class (columns) in the samples of each group (rows, from the top).

    Args:
        groups: the data of the groups.
        names: the names of the classes.
    """
    classes = len(groups[0].shares)
    trace = {
        "type": "heatmap",
        "z": [[number(float(share), 4) for share in group.shares] for group in groups],
        "x": distinct([str(names.get(place, place)) for place in range(classes)], 16),
        "y": distinct([group.name for group in groups], 20),
        "zmin": 0,
        "zmax": max(float(group.shares.max()) for group in groups),
        "colorscale": [[0, "#f7fbff"], [0.25, "#c6dbef"], [0.6, "#4a90c2"], [1, "#08306b"]],
        "xgap": 1 if classes <= 40 else 0,
        "ygap": 1,
        "colorbar": {"thickness": 12, "title": {"text": "share"}, "outlinewidth": 0, "tickformat": ".0%"},
        "hovertemplate": "<b>%{y}</b>, class %{x}<br>%{z:.2%} of its samples<extra></extra>",
    }
    x = {"type": "category", "title": {"text": "class"}, "showgrid": False}
    y = {"type": "category", "autorange": "reversed", "showgrid": False, "tickfont": {"size": 11}}
    return {"data": [trace], "layout": layout(190 + 24 * len(groups), x, y)}


def spread_figure(groups: list[GroupData], name: str) -> Figure:
    """Return the figure of the spread of a quantity over the devices of each group.

    Args:
        groups: the data of the groups.
        name: the quantity, one of `QUANTITIES`.
    """
    attribute, kind, title = QUANTITIES[name]
    found = [getattr(group, attribute) for group in groups]
    unit = ruler(kind, title, [each for spread in found for each in (spread.least, spread.most)])
    told = zip(groups, found, strict=True)
    rows = [Row(place, spread, f"<b>{plain(group.name)}</b>") for place, (group, spread) in enumerate(told)]
    traces = traces_of(rows, kind, unit.divisor, style.line_colour(0), plain(name))
    texts = [f"{plain(style.shortened(group.name, 22))}<br>{human('count', group.samples.devices)}" for group in groups]
    up = {
        "tickvals": list(range(len(groups))),
        "ticktext": texts,
        "range": [len(groups) - 0.4, -0.6],
        "showgrid": False,
    }
    across = unit.axis | ({} if unit.axis.get("type") == "log" else {"rangemode": "tozero"})
    return {"data": traces, "layout": layout(110 + 40 * len(groups), across, up)}


def distinct(names: list[str], longest: int) -> list[str]:
    """Return names cut to a length or, if two would then read the same, all names in full with their numbers."""
    short = [plain(style.shortened(name, longest)) for name in names]
    if len(set(short)) == len(short):
        return short
    return [f"{number} {plain(name)}" for number, name in enumerate(names)]
