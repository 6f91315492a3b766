"""Tables as wide as there is room for: on a terminal no figure is cut off, in a pipe every row is one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from io import StringIO

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

PIPED = 100
"""The characters in a line of text where output is piped; a table with more figures than that is wider."""
WIDEST = 1000
"""A width, in characters, at which every table has room."""


_BARE = Console(width=WIDEST, file=StringIO())
"""Measures cells where there is room for all of them."""


class Fitted:
    """A table that is shown in several pieces, one below the other, where there is too little room for it.

    Args:
        table: the table.
        keys: how many of its first columns say what a row is about; each piece has them.
    """

    def __init__(self, table: Table, keys: int = 1) -> None:
        self.table, self.keys = table, keys

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        parts = pieces(self.table, self.keys, options.max_width, console)
        for number, part in enumerate(parts):
            if number and not self.table.show_edge:
                yield ""
            yield part
        if len(parts) > 1 and self.table.caption:
            yield Text.from_markup(str(self.table.caption), style="table.caption")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(_narrowest(self.table, console), WIDEST)


def pieces(table: Table, keys: int, width: int, console: Console) -> list[Table]:
    """Return a table as it is if it fits, else tables with some of its columns each.

    Args:
        table: the table.
        keys: how many of its first columns are in each of them.
        width: the characters in a line.
        console: where they are to be shown.
    """
    if _narrowest(table, console) <= width:
        return [table]
    parts: list[list[Column]] = [[]]
    for column in table.columns[keys:]:
        fits = _narrowest(_with(table, [*table.columns[:keys], *parts[-1], column]), console) <= width
        if parts[-1] and not fits:
            parts.append([])
        parts[-1].append(column)
    made = [_with(table, [*table.columns[:keys], *columns]) for columns in parts]
    made[0].title = table.title
    return made


def show(found: RenderableType) -> None:
    """Print tables and text as wide as the terminal; in a pipe every row is one line, without blanks at its end."""
    parts = found.renderables if isinstance(found, Group) else [found]
    fitted = Group(*(Fitted(part) if isinstance(part, Table) else part for part in parts))
    if sys.stdout.isatty():
        Console(emoji=False).print(fitted)
        return
    given = os.environ.get("COLUMNS", "")
    text = _Lines(sys.stdout.encoding)
    width = int(given) if given.isdecimal() else _piped(fitted)
    Console(file=text, width=width, emoji=False).print(fitted)
    print("\n".join(line.rstrip() for line in text.getvalue().splitlines()))


def print_on(console: Console, table: Table) -> None:
    """Print a table on a console as wide as that is; in a pipe or a log without blanks at the ends of its lines."""
    if console.is_terminal or console.is_jupyter:
        console.print(table)
        return
    text = _Lines(console.encoding)
    Console(file=text, width=console.width, emoji=False).print(table)
    lines = "\n".join(line.rstrip() for line in text.getvalue().splitlines())
    console.print(lines, soft_wrap=True, markup=False, highlight=False, emoji=False)


def say(sentence: str, indent: int = 0) -> None:
    """Print a sentence: on a terminal broken between words, each line indented; in a pipe as one line."""
    if sys.stdout.isatty():
        Console(highlight=False, emoji=False).print(Padding(Text(sentence), (0, 0, 0, indent)))
    else:
        print(" " * indent + sentence)


class _Lines(StringIO):
    """Text in memory that will be shown where there is another encoding: rich draws lines as far as that has them.

    Args:
        encoding: of where it will be shown; None: one that has everything.
    """

    def __init__(self, encoding: str | None) -> None:
        super().__init__()
        self._shown_in = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._shown_in or "utf-8"


def _piped(found: Group) -> int:
    """Return the width at which nothing that is piped has to be split."""
    return max(PIPED, *(Measurement.get(_BARE, _BARE.options, part).minimum for part in found.renderables))


def _narrowest(table: Table, console: Console) -> int:
    """Return the characters that a table needs if only its text is broken."""
    options = console.options.update(width=WIDEST)
    return Measurement.get(console, options, _with(table, table.columns)).minimum


def _with(table: Table, columns: Sequence[Column]) -> Table:
    """Return a table with some of the columns of another, without its title and its caption."""
    part = Table(
        box=table.box,
        show_edge=table.show_edge,
        pad_edge=table.pad_edge,
        collapse_padding=table.collapse_padding,
        padding=table.padding,
        title_justify=table.title_justify,
        caption_justify=table.caption_justify,
    )
    for column in columns:
        widths = (_BARE.measure(cell).maximum for cell in (column.header, *column.cells))
        part.add_column(
            column.header,
            justify=column.justify,
            no_wrap=column.no_wrap,
            overflow=column.overflow,
            min_width=max(widths) if column.no_wrap else None,
        )
    for row, cells in zip(table.rows, _rows(columns), strict=True):
        part.add_row(*cells, style=row.style, end_section=row.end_section)
    return part


def _rows(columns: Sequence[Column]) -> Iterator[tuple[RenderableType, ...]]:
    return zip(*(column.cells for column in columns), strict=True)
