"""Tables and texts in Markdown, shared by the generated pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; cells are Markdown, in which `|` is escaped."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines) + "\n"


def code(text: object) -> str:
    """Return a text as code, as it is read in YAML or on a command line."""
    return f"`{text}`" if str(text) else ""


def prose(text: str) -> str:
    """Return a docstring's text as Markdown: single backticks, indented blocks as code."""
    text = re.sub(r"``(.+?)``", r"`\1`", text, flags=re.DOTALL)
    return re.sub(r"\*(?=\w)", r"\\*", text)


def sentence(text: str) -> str:
    """Return a text with a capital letter at its beginning and a full stop at its end."""
    text = " ".join(prose(text).split())
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?:" else ".")


def _cell(cell: object) -> str:
    return str(cell).replace("|", "\\|").replace("\n", " ")
