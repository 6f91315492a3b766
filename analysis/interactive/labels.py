"""The label histogram of a partition, as a map of devices and classes."""

from __future__ import annotations

from collections.abc import Mapping

from analysis import style
from analysis.interactive.figure import Chart, Figure, Knob, layout, plain
from analysis.labels import label_histogram
from analysis.runs import Run

_MOST_DEVICES, _FEWEST_DEVICES, _MOST_CELLS = 200, 20, 60_000


def labels_chart(runs: Mapping[str, Run]) -> Chart | None:
    """Return the chart of the label histograms, one run at a time; None if no run has recorded its own."""
    recorded = {name: run for name, run in runs.items() if not run.clients.empty}
    if not recorded:
        return None
    figures = {str(index): labels_figure(run) for index, run in enumerate(recorded.values())}
    caption = (
        "Rows that look alike have the same mix of classes; the less alike they are, the harder models are to average. "
        "Darker means more, in greyscale too."
    )
    return Chart("labels", "Data of each device", caption, figures, (Knob("of", tuple(recorded)),))


def labels_figure(run: Run) -> Figure:
    """Return the map of samples by device (rows, from the top) and class, of the first seed."""
    histogram = label_histogram(run)
    counts = histogram.iloc[: min(max(_MOST_CELLS // len(histogram.columns), _FEWEST_DEVICES), _MOST_DEVICES)]
    classes = dict(zip(run.clients["class"], run.clients["class_name"], strict=True))
    names = _distinct([classes.get(number, str(number)) for number in counts.columns], 16)
    devices = _distinct([str(name) for name in counts.index], 20)
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
    shown = (
        f"class (the first {len(counts)} of {len(histogram):,} devices)" if len(histogram) > len(counts) else "class"
    )
    x = {"type": "category", "title": {"text": shown}, "showgrid": False}
    y = {"type": "category", "autorange": "reversed", "showgrid": False, "tickfont": {"size": 11}}
    return {"data": [trace], "layout": layout(110 + round(min(max(700 / len(devices), 8), 22) * len(devices)), x, y)}


def _distinct(names: list[str], longest: int) -> list[str]:
    """Return names cut to a length or, if two would then read the same, all names in full with their numbers."""
    short = [plain(style.shortened(name, longest)) for name in names]
    if len(set(short)) == len(short):
        return short
    return [f"{number} {plain(name)}" for number, name in enumerate(names)]
