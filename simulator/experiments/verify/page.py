"""Whether the report of a run says what the run's files say: it is written anew, and compared."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import zip_longest
from pathlib import Path

from analysis.report import REPORT, write_report
from analysis.report_page import plotly_js


class _Cells(HTMLParser):
    """Collects the cells of all tables, each as where it stands and what it says."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[tuple[str, str]] = []
        self._headings: list[str] = []
        self._row, self._column, self._value = "", 0, ""
        self._text: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._headings = []
        elif tag == "tr":
            self._row, self._column = "", 0
        elif tag in ("td", "th"):
            self._text, self._value = [], dict(attrs).get("data-value") or ""

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("td", "th") or self._text is None:
            return
        text = " ".join("".join(self._text).split())
        self._text = None
        if tag == "th" and self._row == "" and self._column == len(self._headings):
            self._headings.append(text)
        if self._column == 0:
            self._row = text
        heading = self._headings[self._column] if self._column < len(self._headings) else f"column {self._column}"
        self.cells.append((f"{heading!r} of {self._row!r}", f"{text} [{self._value}]" if self._value else text))
        self._column += 1


def cells(page: str) -> list[tuple[str, str]]:
    """Return the cells of all tables of a page: where each stands, and what it says."""
    parser = _Cells()
    parser.feed(page)
    return parser.cells


def report_differences(folder: Path) -> Iterator[str]:
    """Yield where the report of a run differs from one that is written now, of the same folder.

    Raises:
        RunError: a file of the run cannot be read.
    """
    written = (folder / REPORT).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as place:
        listed = dict.fromkeys(re.findall(r"figures/([\w.-]+\.png)", written))  # in the order of the page
        there = {path.name: path for path in sorted((folder / "figures").glob("*.png"))}
        figures = [there[name] for name in (*listed, *(there.keys() - listed.keys())) if name in there]
        anew = write_report(folder, figures, Path(place) / REPORT).read_text(encoding="utf-8")
    script = plotly_js()
    written, anew = written.replace(script, ""), anew.replace(script, "")
    if written == anew:
        return
    found = 0
    for cell, made in zip_longest(cells(written), cells(anew), fillvalue=("", "")):
        if cell != made:
            found += 1
            yield f"{REPORT}: {cell[0] or made[0]} is {cell[1] or 'nothing'}, and by the files {made[1] or 'nothing'}"
    if not found:
        lines = zip_longest(written.splitlines(), anew.splitlines(), fillvalue="")
        for number, (there_line, here_line) in enumerate(lines, start=1):
            if there_line != here_line:
                yield f"{REPORT}: line {number} ({_around(there_line, here_line)}) is not what the files give"


def _around(one: str, other: str) -> str:
    """Return the text around the first character in which two lines differ."""
    same = next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(map(len, (one, other)))
    )
    return "…" + one[max(0, same - 30) : same + 30].strip() + "…"
