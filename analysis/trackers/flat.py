"""Nested settings under dotted keys, as the tables of trackers have them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Scalar = str | int | float | bool


def flat(settings: Any, at: str = "") -> dict[str, Scalar]:
    """Return nested settings as one mapping from dotted keys to values.

    Items of a list are named by their ``label`` or ``name`` if these are distinct, as for ``--set``, else by their
    places. A list of plain values is one value, written as JSON; so is what is empty. Null is the text "null".

    >>> flat({"world": {"devices": [{"name": "phone", "count": 4}, {"name": "pi", "count": 2}]}, "seeds": [0, 1]})
    {'world.devices.phone.count': 4, 'world.devices.pi.count': 2, 'seeds': '[0, 1]'}

    Args:
        settings: plain data.
        at: the key in front of all others; empty if there is none.
    """
    if isinstance(settings, Mapping) and settings:
        parts = {str(key): value for key, value in settings.items()}
    elif isinstance(settings, list | tuple) and settings and all(isinstance(item, Mapping) for item in settings):
        names = _names(settings)
        parts = dict(zip(names, settings, strict=True))
        if names[0] != "0":
            own = "label" if "label" in settings[0] else "name"
            parts = {name: {key: part for key, part in item.items() if key != own} for name, item in parts.items()}
    elif isinstance(settings, str | int | float):
        return {at: settings}
    else:
        return {at: json.dumps(settings, ensure_ascii=False, default=str)}
    return {
        key: value for name, part in parts.items() for key, value in flat(part, f"{at}.{name}" if at else name).items()
    }


def _names(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what each item of a list is called: its label, or its name, or the place that it has."""
    for own in ("label", "name"):
        names = [item.get(own) for item in items]
        if all(isinstance(name, str) and not name.isdecimal() for name in names) and len(set(names)) == len(names):
            return [str(name) for name in names]
    return [str(place) for place in range(len(items))]
