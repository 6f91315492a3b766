"""Phrases that error messages share."""

import json
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


def near_miss(word: str, known: Iterable[str]) -> str:
    """Return `'; did you mean "devices"?'` for the known word that is most similar; an empty text if none is."""
    spelled = {name.lower(): name for name in known}
    near = get_close_matches(str(word).lower(), spelled, n=1)
    return f'; did you mean "{spelled[near[0]]}"?' if near else ""


def listed(words: Iterable[str]) -> str:
    """Return the words separated by commas; "none" if there are none."""
    return ", ".join(words) or "none"


def shown(value: Any) -> str:
    """Return a value as a user would recognise it from a file, shortened to 60 characters."""
    if value is None:
        return "empty"
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
