"""Spans of time."""

from __future__ import annotations

from collections.abc import Iterable


def length(spans: Iterable[tuple[float, float]]) -> float:
    """Return the length of the union of spans, each given by its beginning and its end."""
    total, until = 0.0, float("-inf")
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total
