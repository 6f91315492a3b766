"""What each algorithm spends until it holds each of several accuracies: one line per label."""

from __future__ import annotations

from typing import Any

from analysis.goal import Target
from analysis.interactive.figure import Chart, Figure, Knob, Look, exact, layout, numbers, plain, ruler
from analysis.runs import Run
from analysis.targets import SPENT, Targets
from analysis.tasks import worded

CAPTION = (
    "The lowest line at the accuracy you need is the one to take; where lines cross, the answer depends on it. A line "
    "ends at the highest accuracy that the algorithm holds with every seed."
)


def targets_chart(run: Run, targets: Targets | None) -> Chart | None:
    """Return the chart of time, bytes or joules until accuracies are held; None with fewer than two accuracies."""
    if targets is None or len(targets.accuracies) < 2:
        return None
    figures = {str(index): targets_figure(run, targets, option) for index, option in enumerate(targets.spent)}
    knob = Knob("of", tuple(targets.spent))
    caption = CAPTION.replace("accuracy", "loss").replace("highest", "lowest") if targets.goal == "loss" else CAPTION
    caption, title = (worded(text, run.task) for text in (caption, f"What each {targets.goal} takes"))
    return Chart("targets", title, caption, figures, (knob,), tuple(run.labels), "Targets")


def targets_figure(run: Run, targets: Targets, option: str) -> Figure:
    """Return the figure of one cost, an option of `SPENT`, against the accuracy, or the loss: means over seeds."""
    kind, name = SPENT[option]
    means = targets.means(option)
    unit = ruler(kind, name, means.to_numpy(dtype=float).ravel().tolist())
    traces = []
    for label in run.labels:
        look = Look.of(run.places[label])
        values = [float(value) for value in means.loc[label].to_numpy(dtype=float).ravel()]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": plain(label),
                "legendgroup": label,
                "x": list(targets.accuracies),
                "y": numbers(values, unit.divisor),
                "line": {"color": look.colour, "dash": look.dash, "width": 2.2},
                "marker": look.marker(),
                "hoverinfo": "text",
                "hovertext": [
                    f"<b>{plain(label)}</b><br>holds {Target(accuracy, targets.goal).said} after {exact(kind, value)}"
                    for accuracy, value in zip(targets.accuracies, values, strict=True)
                ],
            }
        )
    across: dict[str, Any] = {"title": {"text": worded("accuracy that is held", run.task)}, "tickformat": ".4~p"}
    if targets.goal == "loss":  # the easier target is on the left, as among accuracies
        across = {"title": {"text": "loss that is held"}, "tickformat": ".4~g", "autorange": "reversed"}
    return {"data": traces, "layout": layout(320, across, {"rangemode": "tozero"} | unit.axis)}
