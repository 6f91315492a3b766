"""The label histogram of a partition, as a map of devices and classes; of a crowd, by group."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.interactive.figure import Chart, Figure, Knob, layout
from analysis.interactive.labels_by_group import by_group_chart, distinct
from analysis.labels import label_histogram
from analysis.labels_by_group import devices_recorded
from analysis.runs import Run

_MOST_DEVICES, _FEWEST_DEVICES, _MOST_CELLS = 200, 20, 60_000


def labels_chart(runs: Mapping[str, Run]) -> Chart | None:
    """Return the chart of the label histograms, one run at a time; None if no run has recorded its own."""
    recorded = {name: run for name, run in runs.items() if not run.clients.empty}
    if not recorded:
        return None
    if any(_rows_that_fit(run) < devices_recorded(run, None) for run in recorded.values()):
        return by_group_chart(recorded)
    figures = {str(index): labels_figure(run) for index, run in enumerate(recorded.values())}
    caption = (
        "Rows that look alike have the same mix of classes; the less alike they are, the harder models are to average. "
        "Darker means more, in greyscale too."
    )
    return Chart("labels", "Data of each device", caption, figures, (Knob("of", tuple(recorded)),))


def labels_figure(run: Run) -> Figure:
    """Return the map of samples by device (rows, from the top) and class, of the first seed."""
    counts = label_histogram(run)
    classes = dict(zip(run.clients["class"], run.clients["class_name"], strict=True))
    names = distinct([classes.get(number, str(number)) for number in counts.columns], 16)
    devices = distinct([str(name) for name in counts.index], 20)
    trace = {
        "type": "heatmap",
        "z": [[int(value) for value in row] for row in counts.to_numpy()],
        "x": names,
        "y": devices,
        "zmin": 0,
        "colorscale": [[0, "#f7fbff"], [0.25, "#c6dbef"], [0.6, "#4a90c2"], [1, "#08306b"]],
        "xgap": 1 if len(names) <= 40 else 0,
        "ygap": 1 if len(devices) <= 80 else 0,
        "colorbar": {"thickness": 12, "title": {"text": "samples"}, "outlinewidth": 0},
        "hovertemplate": "<b>%{y}</b>, class %{x}<br>%{z:,} samples<extra></extra>",
    }
    x = {"type": "category", "title": {"text": "class"}, "showgrid": False}
    y = {"type": "category", "autorange": "reversed", "showgrid": False, "tickfont": {"size": 11}}
    return {"data": [trace], "layout": layout(110 + round(min(max(700 / len(devices), 8), 22) * len(devices)), x, y)}


def _rows_that_fit(run: Run) -> int:
    """Return how many devices the map of a run has room for."""
    classes = int(run.clients["class"].max()) + 1
    return min(max(_MOST_CELLS // classes, _FEWEST_DEVICES), _MOST_DEVICES)
