"""Mappings in mappings, of which one counts before the other."""

from __future__ import annotations

from typing import Any


def merge(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Both mappings in one; where both say something `over` counts, mappings in them are merged likewise."""
    merged = dict(under)
    for key, value in over.items():
        below = under.get(key)
        merged[key] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged
