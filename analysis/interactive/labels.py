"""Which classes each device has, as a map."""

from __future__ import annotations

from collections.abc import Mapping

from analysis import style
from analysis.interactive.figure import Chart, Figure, Knob, layout, plain
from analysis.labels import label_histogram
from analysis.runs import Run

_MOST_DEVICES, _FEWEST_DEVICES, _MOST_CELLS = 200, 20, 60_000


def labels_chart(runs: Mapping[str, Run]) -> Chart | None:
    """The label histogram of each run that tells it, one at a time."""
    told = {name: run for name, run in runs.items() if not run.clients.empty}
    if not told:
        return None
    figures = {str(place): labels_figure(run) for place, run in enumerate(told.values())}
    caption = (
        "Rows that look alike have the same mix of classes; the less alike they are, the harder models are to average. "
        "A scale of greys tells as much: darker is more."
    )
    return Chart("labels", "Data of each device", caption, figures, (Knob("of", tuple(told)),))


def labels_figure(run: Run) -> Figure:
    """Samples by device (rows, from the top) and class, of the first seed."""
    every = label_histogram(run)
    counts = every.iloc[: min(max(_MOST_CELLS // len(every.columns), _FEWEST_DEVICES), _MOST_DEVICES)]
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
    shown = f"class (the first {len(counts)} of {len(every):,} devices)" if len(every) > len(counts) else "class"
    x = {"type": "category", "title": {"text": shown}, "showgrid": False}
    y = {"type": "category", "autorange": "reversed", "showgrid": False, "tickfont": {"size": 11}}
    return {"data": [trace], "layout": layout(110 + round(min(max(700 / len(devices), 8), 22) * len(devices)), x, y)}


def _distinct(names: list[str], longest: int) -> list[str]:
    """Names cut to a length, unless two would then read the same; those that are the same get their number."""
    short = [plain(style.shortened(name, longest)) for name in names]
    if len(set(short)) == len(short):
        return short
    return [f"{number} {plain(name)}" for number, name in enumerate(names)]
