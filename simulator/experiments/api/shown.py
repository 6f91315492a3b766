"""Results that show themselves: as an HTML table in a notebook, as a table of text everywhere else."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Protocol

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from simulator.experiments.run.consoles import LOG_WIDTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE = 10_000
"""A width in characters at which no table is narrowed."""
_CAPTION = "text-align: left; color: inherit"
_NOTE = "max-width: 60em; margin: 0.3em 0"


class Pretty(Protocol):
    """The printer that IPython gives to ``_repr_pretty_``."""

    def text(self, text: str) -> None:
        """Print a text."""


class Shown(ABC):
    """A result with a table, a verdict and notes below it, which a notebook and a terminal show."""

    @abstractmethod
    def _said(self) -> str:
        """Return what it is, in a few words."""

    @abstractmethod
    def _table(self, width: int) -> Table:
        """Return the table for lines of so many characters."""

    def _verdict(self) -> Iterable[tuple[str, Sequence[str]]]:
        """Return the headings of the verdict with their sentences; none where there is no verdict."""
        return ()

    def _notes(self) -> Iterable[str]:
        """Return the sentences at the end."""
        return ()

    def __repr__(self) -> str:
        return f"<{self._said()}>"

    def __str__(self) -> str:
        verdict = (f"{heading}: {' '.join(sentences)}" for heading, sentences in self._verdict())
        return "\n".join([as_text(self._table(LOG_WIDTH)), *verdict, *self._notes()])

    def _repr_pretty_(self, printer: Pretty, cycle: bool) -> None:
        printer.text(repr(self) if cycle else str(self))

    def _repr_html_(self) -> str:
        parts = [f"<b>{escape(heading)}</b>: {escape(' '.join(said))}" for heading, said in self._verdict()]
        parts += map(escape, self._notes())
        return as_html(self._table(WIDE)) + "".join(f'<p style="{_NOTE}">{part}</p>' for part in parts)


def as_text(shown: RenderableType) -> str:
    """Return what a console of 100 columns without colours prints, without blanks at the ends of lines."""
    text = io.StringIO()
    Console(file=text, width=LOG_WIDTH, color_system=None, force_terminal=False, force_jupyter=False).print(shown)
    return "\n".join(line.rstrip() for line in text.getvalue().rstrip().splitlines())


def as_html(table: Table) -> str:
    """Return a table of text as an HTML table without scripts and style sheets, as notebooks show it.

    Args:
        table: a table whose cells are text with console markup; bold text, red text and dim rows stay so.
    """
    columns = [(column.justify, list(column.cells)) for column in table.columns]
    head = "".join(_cell("th", column.justify, column.header) for column in table.columns)
    rows = []
    for number, row in enumerate(table.rows):
        dim = ' style="opacity: 0.55"' if "dim" in str(row.style) else ""
        rows.append(f"<tr{dim}>{''.join(_cell('td', justify, cells[number]) for justify, cells in columns)}</tr>")
    title = f'<caption style="{_CAPTION}; font-weight: bold">{_inner(table.title)}</caption>' if table.title else ""
    caption = f'<p style="{_NOTE}; font-size: 0.9em">{_inner(table.caption)}</p>' if table.caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>{caption}"


def _cell(tag: str, justify: str, content: RenderableType) -> str:
    side = "right" if justify == "right" else "left"
    return f'<{tag} style="text-align: {side}; padding: 0.15em 0.6em">{_inner(content)}</{tag}>'


def _inner(content: object) -> str:
    """Return the text of a cell as HTML."""
    text = content if isinstance(content, Text) else Text.from_markup(str(content))
    styles = " ".join(str(span.style) for span in text.spans)
    html = escape(text.plain).replace("\n", "<br>")
    if "bold" in styles:
        html = f"<b>{html}</b>"
    return f'<span style="color: #c0392b">{html}</span>' if "red" in styles else html


def root_figure(ax: Axes) -> Figure:
    """Return the figure on which axes were drawn."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure
