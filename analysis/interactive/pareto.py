"""Accuracy against a cost: every label of a run or point of a sweep, and the step over those that none beats."""

from __future__ import annotations

from typing import Any

from analysis import style
from analysis.interactive.figure import Chart, Figure, Knob, Look, exact, layout, number, numbers, plain, ruler
from analysis.pareto import Spot, frontier
from analysis.quantities import Measure
from analysis.runs import Run
from analysis.sweeps import Sweep

_COSTS = {"Time": "sim_time_s", "Bytes": "bytes", "Energy": "client_energy_j"}
_MOST_POINTS = 1000
_MOST_NAMES = 12


def pareto_chart(source: Run | Sweep) -> Chart | None:
    """Final accuracy against time, bytes and energy; None where nothing has an accuracy."""
    if not source.summary["final_accuracy"].notna().any():
        return None
    figures = {str(place): pareto_figure(source, cost) for place, cost in enumerate(_COSTS.values())}
    caption = "Up and to the left is better. The step joins those that no other beats in both; the others are faint."
    return Chart(
        "pareto",
        "Accuracy against cost",
        caption,
        figures,
        (Knob("against", tuple(_COSTS)),),
        tuple(source.labels),
    )


def pareto_figure(source: Run | Sweep, cost: str) -> Figure:
    """Two traces a label, those on the front and the others, and the step; texts name the front.

    Of more than some thousand points those that others beat are thinned out evenly.
    """
    found, front, what, _ = ways = frontier(source, cost)
    unit = ruler(what.kind, what.name, [spot.cost for spot in found])
    beaten = [place for place in range(len(found)) if place not in set(front)]
    beaten = beaten[:: -(-len(beaten) // _MOST_POINTS) or 1]
    everyone = isinstance(source, Run)  # few enough to name them all
    named = set(range(len(found))) if everyone else set(front[:: -(-len(front) // _MOST_NAMES) or 1])
    traces = [_stairs([found[place] for place in front], ways.most, unit.divisor)]
    for index, label in enumerate(source.labels):
        for places, best in ((beaten, False), (front, True)):
            own = [place for place in places if found[place].label == label]
            if own:
                names = [_name(found[place], everyone) if place in named else "" for place in own]
                traces.append(_points(label, [found[place] for place in own], names, index, best, unit.divisor, what))
    frame = layout(430, unit.axis, {"title": {"text": "accuracy at the end"}, "tickformat": ".4~p"})
    return {"data": traces, "layout": frame}


def _name(spot: Spot, everyone: bool) -> str:
    return spot.label if everyone else ", ".join(part for part in (spot.label, spot.settings) if part)


def _points(
    label: str, own: list[Spot], names: list[str], index: int, best: bool, divisor: float, what: Measure
) -> dict[str, Any]:
    look = Look.of(index)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": plain(label),
        "legendgroup": label,
        "x": numbers((spot.cost for spot in own), divisor),
        "y": numbers(spot.accuracy for spot in own),
        # Where there is room for which name, the page decides, which knows how wide it is.
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
                    f"{exact('fraction', spot.accuracy)} for {exact(what.kind, spot.cost)}",
                    "" if best else "beaten by another",
                )
                if part
            )
            for spot in own
        ],
    }


def _stairs(front: list[Spot], end: float, divisor: float) -> dict[str, Any]:
    """From one of the best to the next; level to the end of what anything costs."""
    costs = [spot.cost for spot in front] + [end] * bool(front)
    reached = [spot.accuracy for spot in front] + [front[-1].accuracy for _ in front[:1]]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [number(cost / divisor) for cost in costs],
        "y": numbers(reached),
        "line": {"shape": "hv", "color": style.QUIET, "width": 1.3, "dash": "dash"},
        "hoverinfo": "skip",
    }
