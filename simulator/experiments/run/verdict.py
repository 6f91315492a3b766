"""How a verdict is printed."""

from __future__ import annotations

import re
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.markup import escape

if TYPE_CHECKING:
    from rich.console import Console

    from analysis.verdict import Verdict

_UNIT = re.compile(r"(?<=\d) (?=[%A-Za-zµ])")
_TOGETHER = "\N{NO-BREAK SPACE}"


def tell_verdict(verdict: Verdict, console: Console) -> None:
    """Print a verdict, a paragraph under each of its headings; on a terminal no number is broken off its unit."""
    console.print()
    for heading, sentences in verdict.headings:
        text = f"{heading}: {' '.join(sentences)}"
        lines = wrap(_UNIT.sub(_TOGETHER, text), console.width) if console.is_terminal else [text]
        lines[0] = f"[bold]{heading}[/]{escape(lines[0].removeprefix(heading))}"
        for line in (lines[0], *map(escape, lines[1:])):
            console.print(line.replace(_TOGETHER, " "), highlight=False, soft_wrap=True)
    console.print()
