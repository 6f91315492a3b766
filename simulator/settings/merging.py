"""Merging of nested mappings."""

from __future__ import annotations

from typing import Any


def merge(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return both mappings merged, nested ones too; where both have a value, that of `over` takes precedence."""
    merged = dict(under)
    for key, value in over.items():
        below = under.get(key)
        merged[key] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged
