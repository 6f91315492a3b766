"""Where device time, traffic and device energy go, phase by phase, as stacked bars."""

from __future__ import annotations

from analysis import style
from analysis.interactive.figure import Chart, Figure, Knob, exact, number, plain
from analysis.interactive.stacked import frame_of, piece, totals_at_ends
from analysis.runs import Run
from analysis.where import bars_of

PATTERNS = {"upload": "/", "download": "."}
OPTIONS = {
    "Time": ("seconds", "time of the devices"),
    "Bytes": ("bytes", "traffic of the devices"),
    "Energy": ("energy_j", "energy of the devices"),
}
"""What the bars can show: by option, the column of a breakdown and the name of the axis."""
HOW_TO_READ = (
    "Look for the widest piece of a bar: it is what a faster device, a faster link or another cut would change. "
    "Colour says what for; striped pieces are uploads, dotted ones downloads. Sums over all devices."
)


def where_chart(run: Run) -> Chart:
    """Return the chart of device time, bytes and joules as stacked bars, one of them at a time."""
    figures = {str(index): where_figure(run, *option) for index, option in enumerate(OPTIONS.values())}
    return Chart("where", "Where it goes", HOW_TO_READ, figures, (Knob("of", tuple(OPTIONS)),))


def where_figure(run: Run, column: str, name: str) -> Figure:
    """Return the figure of stacked bars, one per label with its total at the end, and a trace per phase and activity.

    Args:
        run: the run.
        column: the column of the breakdown.
        name: the name of the axis.
    """
    bars = bars_of(run, column)
    kind, unit, totals = bars.kind, bars.unit, bars.totals
    colours = style.phase_colours(list(bars.activities))
    traces = []
    for phase, activities in bars.activities.items():
        for first, activity in enumerate(activities):
            trace = piece(phase, colours[phase], PATTERNS.get(activity, ""), first == 0)
            trace["meta"] = {"phase": phase, "activity": activity}
            values = [bars.amounts.get((label, phase, activity), 0.0) for label in run.labels]
            trace["x"] = [number(value / unit.divisor) for value in values]
            trace["y"] = list(range(len(run.labels)))
            trace["hovertext"] = [
                f"<b>{plain(label)}</b><br>{plain(_piece_name(phase, activity))}<br>{exact(kind, value)}, "
                f"{value / (totals[label] or 1.0):.1%} of {exact(kind, totals[label])}"
                for label, value in zip(run.labels, values, strict=True)
            ]
            traces.append(trace)
    frame = frame_of(run.labels, {"title": {"text": f"{name} ({unit.unit})"}})
    frame["annotations"] = totals_at_ends(totals, run.labels, kind, unit.divisor)
    return {"data": traces, "layout": frame}


def _piece_name(phase: str, activity: str) -> str:
    return phase if activity in ("wait", "idle") else f"{phase}: {activity}"
