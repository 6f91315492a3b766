"""The interactive timeline of one round, lane by lane: what each device and the server did, and when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from analysis import style
from analysis.interactive.figure import Chart, Figure, Knob, exact, layout, number, plain
from analysis.runs import Run
from analysis.timeline import Span, Timeline, read_timeline, usual_round
from simulator.settings.humanize import scale

_MOST_BARS, _FEWEST_BARS_A_LABEL, _MOST_BARS_A_LABEL = 2400, 150, 900
"""The bars of all figures together, and of one: beyond these, spans that lie close together are drawn as one bar."""
_LANE_HEIGHT = 15
HOW_TO_READ = (
    "Gaps in a device's lanes are waiting; a full server lane means that the devices queue for it. "
    "Drag to zoom into a piece of the round."
)


class Bar(NamedTuple):
    """Spans of one phase that are drawn as one, because they lie close together.

    Attributes:
        start: when the first starts, in seconds since the start of the round.
        stop: when the last ends, in seconds since the start of the round.
        busy: how long they last together, in seconds, without the gaps between them.
        spans: how many there are.
    """

    start: float
    stop: float
    busy: float
    spans: int


def timeline_chart(rounds: Mapping[str, tuple[Run, str, int]]) -> Chart:
    """Return the chart of a round of each label, one label at a time.

    Args:
        rounds: by label as shown, the run that it is from, its label there and the number of the round.

    Raises:
        RunError: a ledger cannot be read.
    """
    timelines = {name: read_timeline(run, label, round_number) for name, (run, label, round_number) in rounds.items()}
    most = bars_each(len(timelines))
    figures = {str(index): timeline_figure(timeline, most) for index, timeline in enumerate(timelines.values())}
    return Chart("timeline", "One round", HOW_TO_READ, figures, (Knob("of", tuple(timelines)),))


def bars_each(figures: int) -> int:
    """Return how many bars each figure may have, if there are so many figures on one page."""
    return min(max(_MOST_BARS // max(1, figures), _FEWEST_BARS_A_LABEL), _MOST_BARS_A_LABEL)


def rounds_of(run: Run) -> dict[str, tuple[Run, str, int]]:
    """Return the round to show for every label of a run, as `timeline_chart` takes it.

    Raises:
        RunError: a ledger cannot be read.
    """
    usual = usual_round(run)
    return {label: (run, label, usual) for label in run.labels}


def timeline_figure(timeline: Timeline, most: int = _MOST_BARS_A_LABEL) -> Figure:
    """Return the figure of a round: lanes of each device (compute, up, down) and of server slots, a trace per phase.

    Args:
        timeline: the round.
        most: about the most bars; if there are more, bars close together are joined.
    """
    lanes = [(site.name, name, spans) for site in timeline.sites for name, spans in site.lanes]
    unit = scale("seconds", timeline.seconds)
    gap = 0.0
    drawn = [_bars(spans, gap) for *_, spans in lanes]
    while sum(map(len, drawn)) > most and gap < timeline.seconds:
        gap = 2 * gap or timeline.seconds / 4000
        drawn = [_bars(spans, gap) for *_, spans in lanes]
    colours = style.phase_colours(timeline.phases)
    traces = []
    for phase in timeline.phases:
        phase_bars = [(lane, bar) for lane, bars in enumerate(drawn) for name, bar in bars if name == phase]
        trace = {
            "type": "bar",
            "orientation": "h",
            "name": plain(phase),
            "base": [number(bar.start / unit.divisor) for _, bar in phase_bars],
            "x": [number((bar.stop - bar.start) / unit.divisor) for _, bar in phase_bars],
            "y": [lane for lane, _ in phase_bars],
            "width": 0.84,
            "marker": {"color": colours[phase], "line": {"width": 0}},
            "hoverinfo": "text",
            "hovertext": [_hover_text(lanes[lane][0], lanes[lane][1], phase, bar) for lane, bar in phase_bars],
        }
        traces.append(trace)
    across = {"title": {"text": f"since the round's start ({unit.unit})"}}
    frame = layout(112 + _LANE_HEIGHT * len(lanes), across, _lane_names(lanes))
    frame |= {"barmode": "overlay", "showlegend": True, "shapes": list(_stripes(timeline))}
    above = {"xref": "paper", "yref": "paper", "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom"}
    frame["annotations"] = [above | {"text": f"round {timeline.round_number}: {timeline.said}", "showarrow": False}]
    frame["xaxis"] |= {"range": [0, number(1.01 * (timeline.seconds or 1.0) / unit.divisor)], "tickformat": ",~g"}
    return {"data": traces, "layout": frame}


def _bars(spans: Iterable[Span], gap: float) -> list[tuple[str, Bar]]:
    """Return the bars of a lane with their phases; spans of a phase at most `gap` seconds apart are one bar."""
    open_: dict[str, Bar] = {}
    bars: list[tuple[str, Bar]] = []
    for start, seconds, phase in sorted(spans):
        last = open_.get(phase)
        if last is not None and gap and start - last.stop <= gap:
            stop = max(last.stop, start + seconds)
            open_[phase] = Bar(last.start, stop, last.busy + seconds, last.spans + 1)
            continue
        if last is not None:
            bars.append((phase, last))
        open_[phase] = Bar(start, start + seconds, seconds, 1)
    return bars + list(open_.items())


def _hover_text(site: str, lane: str, phase: str, bar: Bar) -> str:
    text = f"<b>{plain(site)}</b>, {lane}: {plain(phase)}<br>"
    text += f"{exact('seconds', bar.start)} to {exact('seconds', bar.stop)}"
    if bar.spans > 1:
        return f"{text}<br>{bar.spans} pieces, busy for {exact('seconds', bar.busy)}"
    return f"{text}, {exact('seconds', bar.busy)}"


def _lane_names(lanes: list[tuple[str, str, list[Span]]]) -> dict[str, Any]:
    """Return the axis of the lanes: the first lane of a site is named by site and lane, the others by lane only."""
    texts = []
    for index, (site, lane, _) in enumerate(lanes):
        first = index == 0 or lanes[index - 1][0] != site
        texts.append(f"{plain(style.shortened(site, 18))} · {lane}" if first else lane)
    ticks = {"tickvals": list(range(len(lanes))), "ticktext": texts, "tickfont": {"size": 10}}
    return ticks | {"range": [len(lanes) - 0.4, -0.6], "showgrid": False}


def _stripes(timeline: Timeline) -> Iterable[dict[str, Any]]:
    """Yield a faint background behind every other site."""
    top = -0.5
    for index, site in enumerate(timeline.sites):
        bottom = top + len(site.lanes)
        if index % 2 == 0:
            box = {"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": top, "y1": bottom, "layer": "below"}
            yield box | {"fillcolor": "rgba(128,128,128,0.10)", "line": {"width": 0}}
        top = bottom
