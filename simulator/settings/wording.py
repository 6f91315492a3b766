"""Small words that error messages share."""

import json
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


def near_miss(word: str, known: Iterable[str]) -> str:
    """`'; did you mean "devices"?'`, or nothing where no known word is near."""
    spelled = {name.lower(): name for name in known}
    near = get_close_matches(str(word).lower(), spelled, n=1)
    return f'; did you mean "{spelled[near[0]]}"?' if near else ""


def listed(words: Iterable[str]) -> str:
    return ", ".join(words) or "none"


def shown(value: Any) -> str:
    """A value as a person would recognise it in their file, shortened where it is long."""
    if value is None:
        return "empty"
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
