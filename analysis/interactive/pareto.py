"""Accuracy against a cost: every label of a run or point of a sweep, and the step over the Pareto-optimal ones."""

from __future__ import annotations

from typing import Any

from analysis import style
from analysis.headline import learned_of
from analysis.interactive.figure import Chart, Figure, Knob, Look, exact, layout, number, numbers, plain, ruler
from analysis.measures import present
from analysis.pareto import Spot, frontier
from analysis.quantities import Measure
from analysis.runs import Run
from analysis.sweeps import Sweep
from analysis.tasks import NEXT_TOKEN

_COSTS = {"Time": "sim_time_s", "Bytes": "bytes", "Energy": "client_energy_j"}
_COSTS |= {"Money": "cost_usd", "Carbon": "carbon_kg"}
_MOST_POINTS = 1000
_MOST_NAMES = 12


def pareto_chart(source: Run | Sweep) -> Chart | None:
    """Return the chart of accuracy against each cost that there is; None if no accuracy was measured.

    Of language models, it is that of loss.
    """
    if not present(source.summary, learned_of(source.summary, source.task)):
        return None
    goal = "loss" if source.task == NEXT_TOKEN else "accuracy"
    costs = {name: cost for name, cost in _COSTS.items() if present(source.summary, cost)}
    figures = {str(index): pareto_figure(source, cost) for index, cost in enumerate(costs.values())}
    caption = f"{'Down' if goal == 'loss' else 'Up'} and to the left is better. "
    caption += "The step joins those that no other beats in both; the others are faint."
    return Chart(
        "pareto",
        f"{goal.capitalize()} against cost",
        caption,
        figures,
        (Knob("against", tuple(costs)),),
        tuple(source.labels),
        "Learning",
    )


def pareto_figure(source: Run | Sweep, cost: str) -> Figure:
    """Return the figure of accuracy against one cost: the points of each label, and the step over the front.

    Each label has two traces, for its points on the front and for those off it. Texts name points of the front, or all
    labels of a run. If there are too many dominated points, they are thinned out evenly.
    """
    options, front, what, gain = pareto = frontier(source, cost)
    unit = ruler(what.kind, what.name, [spot.cost for spot in options])
    dominated = [index for index in range(len(options)) if index not in set(front)]
    dominated = dominated[:: -(-len(dominated) // _MOST_POINTS) or 1]
    all_named = isinstance(source, Run)  # a run has few labels
    named = set(range(len(options))) if all_named else set(front[:: -(-len(front) // _MOST_NAMES) or 1])
    traces = [_stairs([options[index] for index in front], pareto.most, unit.divisor)]
    for label in source.labels:
        for indices, best in ((dominated, False), (front, True)):
            own = [index for index in indices if options[index].label == label]
            if own:
                names = [_name(options[index], all_named) if index in named else "" for index in own]
                spots = [options[index] for index in own]
                traces.append(_points(label, spots, names, source.places[label], best, unit.divisor, what, gain))
    tickformat = ".4~p" if gain.kind == "fraction" else ".4~g"
    frame = layout(430, unit.axis, {"title": {"text": gain.name}, "tickformat": tickformat})
    return {"data": traces, "layout": frame}


def _name(spot: Spot, label_only: bool) -> str:
    return spot.label if label_only else ", ".join(part for part in (spot.label, spot.settings) if part)


def _points(
    label: str,
    spots: list[Spot],
    names: list[str],
    place: int,
    best: bool,
    divisor: float,
    what: Measure,
    gain: Measure,
) -> dict[str, Any]:
    """Return the trace of one label's points, on the front or off it.

    Args:
        label: the label.
        spots: its points.
        names: a name for each point; empty if it is not named.
        place: the place of the label, which settles how it looks.
        best: whether the points are on the front.
        divisor: the unit of the cost axis, in SI.
        what: the cost.
        gain: what is gained for it.
    """
    look = Look.of(place)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": plain(label),
        "legendgroup": label,
        "x": numbers((spot.cost for spot in spots), divisor),
        "y": numbers(spot.accuracy for spot in spots),
        # The page decides which names have room, for it knows how wide it is.
        "customdata": [plain(style.shortened(name, 34)) for name in names],
        "marker": look.marker(12 if best else 8),
        "opacity": 1.0 if best else 0.55,
        "hoverinfo": "text",
        "hovertext": [
            "<br>".join(
                part
                for part in (
                    f"<b>{plain(spot.label)}</b>",
                    plain(spot.settings),
                    f"{exact(gain.kind, spot.accuracy)} for {exact(what.kind, spot.cost)}",
                    "" if best else "beaten by another",
                )
                if part
            )
            for spot in spots
        ],
    }


def _stairs(front: list[Spot], end: float, divisor: float) -> dict[str, Any]:
    """Return the trace of the step over the front, which ends level at the highest cost of any option."""
    costs = [spot.cost for spot in front] + [end] * bool(front)
    accuracies = [spot.accuracy for spot in front] + [front[-1].accuracy for _ in front[:1]]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [number(cost / divisor) for cost in costs],
        "y": numbers(accuracies),
        "line": {"shape": "hv", "color": style.QUIET, "width": 1.3, "dash": "dash"},
        "hoverinfo": "skip",
    }
