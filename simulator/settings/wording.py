"""Phrases that messages share."""

import json
from collections.abc import Iterable, Iterator, Mapping
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


def first_difference(where: str, one: Any, other: Any) -> tuple[str, Any, Any]:
    """Return the first dotted key at which two nested mappings differ, and the value of each there.

    Args:
        where: the key at which both are.
        one, other: the mappings, which differ.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        for key in (*other, *one):
            if one.get(key) != other.get(key):
                return first_difference(f"{where}.{key}", one.get(key), other.get(key))
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        number = next(number for number, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1])
        return first_difference(f"{where}.{number}", one[number], other[number])
    return where, one, other


def loss_sentences(label: str, driver: str, empty: int, rounds: int, lost: Mapping[str, int], of: int) -> Iterator[str]:
    """Yield a sentence on rounds without any update, and one on updates that were lost, where there are such.

    Args:
        label: the label of an entry.
        driver: the name of its driver; what semi_async has are intervals.
        empty: in how many rounds or intervals no update arrived.
        rounds: how many rounds or intervals there were.
        lost: how many updates were lost, by reason.
        of: how many there were in all, used or lost.
    """
    if empty:
        what = "intervals" if driver == "semi_async" else "rounds"
        yield f"{label}: in {empty} of {rounds} {what} no update arrived."
    if count := sum(lost.values()):
        reasons = ", ".join(f"{reason} {times}" for reason, times in sorted(lost.items(), key=lambda item: -item[1]))
        yield f"{label}: {count} of {of} updates were lost ({reasons})."
