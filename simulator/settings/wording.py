"""Phrases that messages share."""

import json
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

MOST_LINES, MOST_CHARACTERS, LONGEST_LINE = 20, 12_000, 2000
"""Of a message: how many lines, how many characters in all of them, and how many in one."""
LONGEST_WORD = 200
"""Of a word that a message repeats, such as a key; and of one that similar words are looked for."""


def clipped(text: str, most: int = LONGEST_WORD) -> str:
    """Return a text for a message: its middle left out where it is long, and what cannot be printed as escapes.

    >>> clipped("a" * 300, 10)
    'aaaa...aaa'
    """
    if len(text) > most:
        text = f"{text[: (most - 2) // 2]}...{text[len(text) - (most - 3) // 2 :]}"
    return text if text.isprintable() else "".join(_printable(character) for character in text)


def _printable(character: str) -> str:
    """Return a character, or its escape if it is a control character or half of a pair (a surrogate)."""
    hidden = ord(character) < 32 or 0x7F <= ord(character) < 0xA0 or 0xD800 <= ord(character) < 0xE000
    return repr(character)[1:-1] if hidden or character in "\u2028\u2029" else character


def bounded(message: str) -> str:
    """Return a message that fits on a screen or two: long lines lose their middle, and lines too many are counted."""
    if len(message) <= LONGEST_LINE and message.isprintable():
        return message
    lines = message.replace("\t", "    ").split("\n")
    kept: list[str] = []
    for line in lines:
        kept.append(clipped(line, LONGEST_LINE))
        if len(kept) == MOST_LINES or sum(map(len, kept)) > MOST_CHARACTERS - LONGEST_LINE:
            break
    more = len(lines) - len(kept)
    return "\n".join(kept + [f"and {more} more"] * (more > 0))


def near_miss(word: str, known: Iterable[str]) -> str:
    """Return `'; did you mean "devices"?'` for the known word that is most similar; an empty text if none is."""
    if len(str(word)) > LONGEST_WORD:
        return ""
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
    try:
        text = json.dumps(value, default=str, ensure_ascii=False)
    except ValueError:  # Python writes no number of more than 4300 digits
        return "a number of thousands of digits"
    except RecursionError:
        return "a value that is nested too deeply"
    return clipped(text if len(text) <= 60 else text[:57] + "...")


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
