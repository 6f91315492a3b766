"""Cells of CSV files that a spreadsheet takes for text, although they begin like a formula.

A cell that begins with one of ``= + - @`` or with a tab or a line break is run by spreadsheets, and what it says may
come from a file of somebody else's: a class, a device, a reason. As OWASP advises, a quotation mark goes before it.
What reads our files takes the mark away again, so that every text is read as it was written. Numbers stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_BEGINNINGS = frozenset("'=+-@\t\r\n")
"""What ``_FORMULA`` may begin with: nearly all cells are told by this."""
_MARKED = re.compile(r"'+[=+\-@\t\r\n]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|nan)", re.ASCII)


def escaped(cell: Any) -> Any:
    """Return a cell as it is written: a text that a spreadsheet would take for a formula gets a mark before it.

    >>> escaped("=cmd()"), escaped("-1.5"), escaped(-1.5), escaped("roses")
    ("'=cmd()", '-1.5', -1.5, 'roses')
    """
    # A text that has marks of its own gets one more, or it could not be told from one that was given a mark.
    if isinstance(cell, str) and cell[:1] in _BEGINNINGS and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def unescaped(cell: Any) -> Any:
    """Return a cell as it was before ``escaped``.

    >>> unescaped("'=cmd()"), unescaped("'tis"), unescaped(2.5)
    ('=cmd()', "'tis", 2.5)
    """
    return cell[1:] if isinstance(cell, str) and cell[:1] == "'" and _MARKED.match(cell) else cell


def unescaped_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of ``csv.DictReader`` as it was before it was written."""
    return {unescaped(key): unescaped(cell) for key, cell in row.items()}


def escaped_row(row: Iterable[Any]) -> list[Any]:
    """Return a row as it is written."""
    return [escaped(cell) for cell in row]
