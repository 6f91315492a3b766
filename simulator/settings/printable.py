"""Texts and names of files that can be shown anywhere, whatever is in them."""

from __future__ import annotations

PLAIN = {
    "…": "...",
    "±": "+/-",
    "×": "x",
    "µ": "u",
    "–": "-",
    "·": ".",
    "↑": "up",
    "↓": "down",
    "\xa0": " ",
}
"""What stands for the signs of our own texts on a terminal that lacks them."""


def printable(name: str) -> str:
    """Return a name as text that can be encoded: bytes of a file's name that are no UTF-8 become escapes.

    >>> printable("caf\\udce9")
    'caf\\\\xe9'
    """
    try:
        return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # a surrogate that stands for no byte
        return name.encode("utf-8", "backslashreplace").decode("utf-8")


def cut(text: str, longest: int) -> str:
    """Return a text of at most so many characters: of a longer one, the middle is left out.

    >>> cut("0123456789", 7)
    '01...89'
    """
    if len(text) <= longest:
        return text
    tail = (longest - 3) // 2
    return f"{text[: longest - 3 - tail]}...{text[-tail:]}"
