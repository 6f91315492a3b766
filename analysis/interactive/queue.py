"""How many works waited at a server over the time of a trial: one line per label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.interactive.figure import Chart, Figure, Knob, Look, layout, numbers, plain
from analysis.server import Length, OwnLabels, queue_lengths
from simulator.settings.humanize import Scale, scale

SECTION = "The server"
HOW_TO_READ = (
    "Where the queue is rarely empty, the server is the bottleneck; the tables below say who waits in it. Of "
    "a queue that changes very often, means over short parts of the time are drawn: point at a line for its peak there."
)


def queue_chart(own_labels: OwnLabels, places: Mapping[str, int]) -> Chart | None:
    """Return the chart of the length of queues, one site at a time; None if nothing ever waited.

    Args:
        own_labels: by label as shown, the run that its ledger is in and its label there.
        places: by label as shown, the place that settles how it looks.

    Raises:
        RunError: a ledger cannot be read.
    """
    found = {name: queue_lengths(run, label) for name, (run, label) in own_labels.items()}
    sites = list(dict.fromkeys(site for lengths in found.values() for site in lengths))
    sites = [site for site in sites if any(max(f[site].largest) for f in found.values() if site in f)]
    if not sites:
        return None
    figures = {
        str(index): queue_figure({name: lengths.get(site) for name, lengths in found.items()}, places)
        for index, site in enumerate(sites)
    }
    return Chart("queue", "How many wait", HOW_TO_READ, figures, (Knob("at", tuple(sites)),), tuple(found), SECTION)


def queue_figure(lengths: Mapping[str, Length | None], places: Mapping[str, int]) -> Figure:
    """Return the figure of the lengths of one site's queue, by label; None where a label does not use the site."""
    unit = scale("seconds", max((length.at[-1] for length in lengths.values() if length), default=0.0))
    traces = [_line(label, length, Look.of(places[label]), unit) for label, length in lengths.items() if length]
    across = {"title": {"text": f"simulated time ({unit.unit})"}, "tickformat": ",~g", "rangemode": "tozero"}
    return {
        "data": traces,
        "layout": layout(300, across, {"title": {"text": "works that wait"}, "rangemode": "tozero"}),
    }


def _line(label: str, length: Length, look: Look, unit: Scale) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": plain(label),
        "legendgroup": label,
        "x": numbers(length.at, unit.divisor),
        "y": numbers(length.mean),
        "text": [str(largest) for largest in length.largest],
        "line": {"shape": "hv", "color": look.colour, "dash": look.dash, "width": 1.6},
        "meta": plain(label),
        "hovertemplate": (
            f"<b>%{{meta}}</b><br>%{{y:.4~g}} waiting, at most %{{text}}<br>at %{{x:,.5~g}} {unit.unit}<extra></extra>"
        ),
    }
