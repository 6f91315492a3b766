"""The total cost of each algorithm as plain bars, for runs that have no accuracy to set against it."""

from __future__ import annotations

import pandas as pd

from analysis import style
from analysis.interactive.figure import Chart, Figure, Knob, Look, exact, layout, number, plain, ruler
from analysis.measures import present
from analysis.quantities import Measure, measure_of
from analysis.runs import Run
from simulator.settings.humanize import human

_SHOWN = {
    "Time": "sim_time_s",
    "Bytes": "bytes",
    "Energy": "client_energy_j",
    "Work of devices": "client_flops",
    "Memory of a device": "peak_client_memory_bytes",
    "Money": "cost_usd",
    "Carbon": "carbon_kg",
}


def totals_chart(run: Run) -> Chart:
    """Return the chart of time, bytes, energy, work, memory and the like, one measure at a time: a bar per label."""
    options = {name: measure_of(run.summary, column) for name, column in _SHOWN.items() if present(run.summary, column)}
    options = {name: what for name, what in options.items() if what.values(run.summary).notna().any()}
    figures = {str(index): totals_figure(run, what) for index, what in enumerate(options.values())}
    caption = "Shorter is better, and bars begin at zero; energy, work and traffic are sums over all devices."
    return Chart("totals", "What it takes", caption, figures, (Knob("of", tuple(options)),), tuple(run.labels))


def totals_figure(run: Run, what: Measure) -> Figure:
    """Return the figure of one measure, a bar per label: the mean over seeds and, if there are several, their range."""
    values = pd.DataFrame({"label": run.summary["label"], "value": what.values(run.summary)})
    table = values.groupby("label", sort=False)["value"].agg(["mean", "min", "max", "count"])
    unit = ruler(what.kind, what.name, table["mean"], linear=True)  # the length of a bar is its value
    divisor = unit.divisor
    traces = []
    for label, short in zip(run.labels, style.shortened_apart(run.labels, 22), strict=True):
        statistics: list[float] = list(table.loc[label].to_numpy(dtype=float))
        mean, low, high, count = statistics
        if not count:
            continue
        text = f"<b>{plain(label)}</b><br>{what.name}: {exact(what.kind, mean)}"
        trace = {
            "type": "bar",
            "orientation": "h",
            "name": plain(label),
            "legendgroup": label,
            "y": [plain(short)],
            "x": [number(mean / divisor)],
            "marker": {"color": Look.of(run.places[label]).colour},
            "text": [human(what.kind, mean)],
            "textposition": "outside",
            "cliponaxis": False,
            "hoverinfo": "text",
        }
        if high > low:
            text += f"<br>{exact(what.kind, low)} to {exact(what.kind, high)}, {count:.0f} seeds"
            trace["error_x"] = {
                "type": "data",
                "array": [number((high - mean) / divisor)],
                "arrayminus": [number((mean - low) / divisor)],
                "color": style.QUIET,
            }
        traces.append(trace | {"hovertext": [text]})
    frame = layout(
        110 + 44 * len(run.labels),
        unit.axis | {"rangemode": "tozero"},
        {"autorange": "reversed", "showgrid": False},
        bargap=0.35,
    )
    frame["margin"]["r"] = 80  # room for the value at the end of a bar
    return {"data": traces, "layout": frame}
