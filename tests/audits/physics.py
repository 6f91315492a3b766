"""Power integrated over time, and links that are shared max-min fairly: written apart from the simulator's own."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

Span = tuple[float, float]
Link = TypeVar("Link", bound=Hashable)
Flow = TypeVar("Flow", bound=Hashable)


def integrate(
    watts: Mapping[str, float],
    present: Iterable[Span],
    computing: Iterable[Span],
    uploading: Iterable[Span],
    downloading: Iterable[Span],
) -> tuple[float, float]:
    """Joules, and active joules, of one site.

    P(t) = [present] idle + works (compute - idle) + [some upload] (upload - idle) + [some download] (download - idle),
    swept over its steps. Active is what is drawn while anything goes on.

    Args:
        watts: of ``idle``, ``compute``, ``upload`` and ``download``.
        present: when the site is counted, as (start, end) in s.
        computing: when each work is served.
        uploading: when bytes leave.
        downloading: when bytes come in.
    """
    kinds = {"present": present, "compute": computing, "upload": uploading, "download": downloading}
    marks = [mark for kind, spans in kinds.items() for a, b in spans if b > a for mark in ((a, kind, 1), (b, kind, -1))]
    going_on = dict.fromkeys(kinds, 0)
    joules = active = 0.0
    last = None
    for moment, kind, step in sorted(marks, key=lambda mark: mark[0]):
        if last is not None and moment > last:
            drawn = watts["idle"] if going_on["present"] else 0.0
            drawn += going_on["compute"] * (watts["compute"] - watts["idle"])
            for way in ("upload", "download"):
                drawn += (going_on[way] > 0) * (watts[way] - watts["idle"])
            joules += drawn * (moment - last)
            if going_on["compute"] or going_on["upload"] or going_on["download"]:
                active += drawn * (moment - last)
        going_on[kind] += step
        last = moment
    return joules, active


def filling(capacity: Mapping[Link, float], paths: Mapping[Flow, Sequence[Link]]) -> dict[Flow, float]:
    """The max-min fair rate of each flow: the tightest link settles its flows, and so on.

    Args:
        capacity: bytes per second of each link.
        paths: the links that each flow takes.
    """
    rates: dict[Flow, float] = {}
    room, unsettled = dict(capacity), set(paths)
    while unsettled:
        count: dict[Link, int] = {}
        for flow in unsettled:
            for link in paths[flow]:
                count[link] = count.get(link, 0) + 1
        tightest = min(count, key=lambda link: room[link] / count[link])
        share = room[tightest] / count[tightest]
        for flow in [flow for flow in unsettled if tightest in paths[flow]]:
            rates[flow] = share
            unsettled.discard(flow)
            for link in paths[flow]:
                room[link] = max(0.0, room[link] - share)
    return rates


def pour(capacity: Mapping[Link, float], flows: Sequence[tuple[Sequence[Link], float, float]]) -> dict[int, float]:
    """When each flow ends, event by event.

    Args:
        capacity: bytes per second of each link.
        flows: of each the links it takes, its bytes, and the second in which it enters.
    """
    left: dict[int, float] = {}
    waiting = dict(enumerate(flows))
    ends: dict[int, float] = {}
    now = 0.0
    while left or waiting:
        rates = filling(capacity, {flow: flows[flow][0] for flow in left})
        then = min(
            [now + size / rates[flow] for flow, size in left.items()] + [enter for *_, enter in waiting.values()]
        )
        for flow in list(left):
            left[flow] -= rates[flow] * (then - now)
            if left[flow] <= 1e-9 * flows[flow][1] + 1e-15 * then * rates[flow]:
                ends[flow] = then
                del left[flow]
        for flow in [flow for flow, (*_, enter) in waiting.items() if enter <= then]:
            left[flow] = float(waiting.pop(flow)[1])
        now = then
    return ends


def most_at_once(spans: Iterable[Span]) -> int:
    """How many of these go on at the same time at most; one that begins where another ends takes its place."""
    steps = sorted(mark for start, end in spans for mark in ((start, 1, 1), (end, 0, -1)))
    most = here = 0
    for _, _, step in steps:
        here += step
        most = max(most, here)
    return most
