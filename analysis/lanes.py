"""Lanes of a timeline: works that overlap are spread over several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

MOST_SLOTS = 6


class Span(NamedTuple):
    """A work, a pass of several, a part of a work that was set aside, or a transfer on a lane.

    Attributes:
        start: when it began, in seconds since the start of the timeline.
        seconds: how long it took.
        phase: its phase.
        reason: why it was in vain; empty if it was not.
        works: how many works share it, as a pass.
    """

    start: float
    seconds: float
    phase: str
    reason: str = ""
    works: int = 1


def slots(spans: Sequence[Span], noun: str = "slot") -> list[tuple[str, list[Span]]]:
    """Distribute works over lanes: each to the first free lane or, if none is free, to the last, which says so.

    Args:
        spans: the works.
        noun: what a lane is, if there are several.
    """
    lanes: list[list[Span]] = []
    crowded = False
    for span in sorted(spans):
        slack = 1e-9 * (1.0 + span[0])  # rounding: a work that starts when another ends does not overlap with it
        free = next((lane for lane in lanes if lane[-1][0] + lane[-1][1] <= span[0] + slack), None)
        if free is None and len(lanes) < MOST_SLOTS:
            lanes.append([span])
        else:
            crowded |= free is None
            (free if free is not None else lanes[-1]).append(span)
    if len(lanes) < 2:
        return [("compute", lanes[0] if lanes else [])]
    named = [(f"{noun} {number}", lane) for number, lane in enumerate(lanes, start=1)]
    return [*named[:-1], (f"{named[-1][0]} and on", lanes[-1])] if crowded else named
