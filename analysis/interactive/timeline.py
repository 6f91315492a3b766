"""The interactive timeline of one round, lane by lane: what each device and the server did, and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from analysis import style
from analysis.absences import named
from analysis.interactive.figure import Chart, Figure, Knob, exact, layout, number, plain
from analysis.lanes import Span
from analysis.runs import Run
from analysis.spans import CRITICAL_PATH, Site, Timeline, read_timeline, usual_round
from simulator.settings.humanize import scale

_MOST_BARS, _FEWEST_BARS_A_LABEL, _MOST_BARS_A_LABEL = 2400, 150, 900
"""The bars of all figures together, and of one: beyond these, spans that lie close together are drawn as one bar."""
_LANE_HEIGHT = 15
HOW_TO_READ = (
    "Gaps in a device's lanes are waiting; a full server lane means that the devices queue for it. "
    "Drag to zoom into a piece of the round."
)
PATH = " The critical path is the chain that makes the round last so long: only what is on it is worth speeding up."
ALSO = " Wasted work is crossed out; point at it to see why. A site that is away is grey."
AWAY = "away"
_CROSSED = {"shape": "x", "fgcolor": "#ffffff", "fgopacity": 0.85, "size": 5, "solidity": 0.4, "fillmode": "overlay"}


class Bar(NamedTuple):
    """Spans of one phase that are drawn as one, because they lie close together.

    Attributes:
        phase: their phase.
        reason: why they were in vain; empty if they were not.
        start: when the first starts, in seconds since the start of the round.
        stop: when the last ends, in seconds since the start of the round.
        busy: how long they last together, in seconds, without the gaps between them.
        spans: how many there are.
        works: how many works they are, if several share a pass.
    """

    phase: str
    reason: str
    start: float
    stop: float
    busy: float
    spans: int
    works: int = 1


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
    told = any(site.name == CRITICAL_PATH for timeline in timelines.values() for site in timeline.sites)
    more = PATH if told else ""
    if said := dict.fromkeys(timeline.sample for timeline in timelines.values() if timeline.sample):
        more += f" Of so many devices, these are a sample: {'; or '.join(said)}."
    more += ALSO if any(timeline.lossy or timeline.absences for timeline in timelines.values()) else ""
    return Chart("timeline", "One round", HOW_TO_READ + more, figures, (Knob("of", tuple(timelines)),))


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
        for lost in (False, True):
            placed = [
                (lane, bar)
                for lane, bars in enumerate(drawn)
                for bar in bars
                if (bar.phase, bool(bar.reason)) == (phase, lost)
            ]
            if placed or not lost:
                marker = {"color": colours[phase], "line": {"width": 0}} | ({"pattern": _CROSSED} if lost else {})
                texts = [_hover_text(*lanes[lane][:2], bar) for lane, bar in placed]
                times = [(lane, bar.start, bar.stop - bar.start) for lane, bar in placed]
                traces.append(_trace(f"{phase}, wasted" if lost else phase, marker, times, texts, unit.divisor))
    if away := list(_away(timeline.sites)):
        marker = {"color": "#b4b4b4", "line": {"width": 0}, "pattern": _CROSSED | {"shape": "/"}}
        times, texts = [times for times, _ in away], [text for _, text in away]
        traces.append(_trace(AWAY, marker, times, texts, unit.divisor) | {"width": 1.0})
    begin = "the round's start" if timeline.last_round is None else f"the start of round {timeline.round_number}"
    across = {"title": {"text": f"since {begin} ({unit.unit})"}}
    frame = layout(112 + _LANE_HEIGHT * len(lanes), across, _lane_names(lanes))
    frame |= {"barmode": "overlay", "showlegend": True, "shapes": list(_stripes(timeline))}
    above = {"xref": "paper", "yref": "paper", "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom"}
    frame["annotations"] = [above | {"text": f"{timeline.title}: {timeline.said}", "showarrow": False}]
    frame["xaxis"] |= {"range": [0, number(1.01 * (timeline.seconds or 1.0) / unit.divisor)], "tickformat": ",~g"}
    return {"data": traces, "layout": frame}


def _trace(
    name: str, marker: dict[str, Any], times: list[tuple[int, float, float]], texts: list[str], divisor: float
) -> dict[str, Any]:
    """Return a trace of bars.

    Args:
        name: what they are.
        marker: how they look.
        times: the lane of each, when it starts, and its seconds.
        texts: what is said of each.
        divisor: the unit of the axis, in seconds.
    """
    return {
        "type": "bar",
        "orientation": "h",
        "name": plain(name),
        "base": [number(start / divisor) for _, start, _ in times],
        "x": [number(seconds / divisor) for *_, seconds in times],
        "y": [lane for lane, *_ in times],
        "width": 0.84,
        "marker": marker,
        "hoverinfo": "text",
        "hovertext": texts,
    }


def _away(sites: Iterable[Site]) -> Iterator[tuple[tuple[int, float, float], str]]:
    """Yield lane, start and seconds of each absence, for each lane of its site, and what is said of it."""
    lane = 0
    for site in sites:
        for _ in site.lanes:
            for start, seconds, cause in site.away:
                stop = exact("seconds", start + seconds)
                text = f"<b>{plain(site.name)}</b>: {plain(named(cause))}<br>{exact('seconds', start)} to {stop}"
                yield (lane, start, seconds), text
            lane += 1


def _bars(spans: Iterable[Span], gap: float) -> list[Bar]:
    """Return the bars of a lane; spans of a phase and reason at most `gap` seconds apart are one bar."""
    open_: dict[tuple[str, str], Bar] = {}
    bars: list[Bar] = []
    for start, seconds, phase, reason, works in sorted(spans):
        last = open_.get((phase, reason))
        if last is not None and gap and start - last.stop <= gap:
            stop, busy = max(last.stop, start + seconds), last.busy + seconds
            open_[phase, reason] = last._replace(stop=stop, busy=busy, spans=last.spans + 1, works=last.works + works)
            continue
        if last is not None:
            bars.append(last)
        open_[phase, reason] = Bar(phase, reason, start, start + seconds, seconds, 1, works)
    return bars + list(open_.values())


def _hover_text(site: str, lane: str, bar: Bar) -> str:
    text = f"<b>{plain(site)}</b>, {lane}: {plain(bar.phase)}<br>"
    text += f"{exact('seconds', bar.start)} to {exact('seconds', bar.stop)}"
    busy = exact("seconds", bar.busy)
    text += f"<br>{bar.spans} pieces, busy for {busy}" if bar.spans > 1 else f", {busy}"
    if bar.works > bar.spans:
        text += f"<br>{bar.works} works in " + (f"{bar.spans} passes" if bar.spans > 1 else "one pass")
    return f"{text}<br>wasted: {plain(bar.reason)}" if bar.reason else text


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
