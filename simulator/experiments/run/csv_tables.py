"""Tables of a few rows, and CSV files of them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from simulator.experiments.run.coded_table import ENCODING, ERRORS
from simulator.settings.csv_cells import escaped
from simulator.settings.disk import written

if TYPE_CHECKING:
    import pandas as pd

    from simulator.experiments.run.coded_table import CodedTable

_AT_ONCE = 16_384
"""How many rows are written at once."""
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 _.+-]*")
"""Texts that are neither quoted nor taken for a formula; there are others."""


class Table(NamedTuple):
    """Rows under column names.

    For the few rows of a trial this is much cheaper than a pandas frame, which takes longer to build than to write.

    Attributes:
        columns: the names of the columns.
        rows: the rows, with a value for each column.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def frame(self) -> pd.DataFrame:
        """Return the table as a pandas frame."""
        import pandas as pd  # imported late: it takes half a second, and most callers need no frame

        return pd.DataFrame(self.rows, columns=list(self.columns))

    def encoded(self, texts: Callable[[Sequence[Any]], Iterable[str]]) -> Iterator[bytes]:
        """Yield the lines of a CSV file as bytes, some at a time.

        Args:
            texts: returns the cells of a column as they are written.
        """
        for first in range(0, len(self.rows), _AT_ONCE):
            columns = map(texts, zip(*self.rows[first : first + _AT_ONCE], strict=True))
            lines = (f"{line}\n" for line in map(",".join, zip(*columns, strict=True)))
            yield "".join(lines).encode(ENCODING, ERRORS)


def write_csv(path: Path, tables: Sequence[Table | CodedTable]) -> None:
    """Write tables with the same columns into one CSV file, one below the other; None and NaN become empty cells.

    Raises:
        CannotWriteError: the file cannot be written.
    """
    cells = _Cells()
    with written(path), path.open("wb") as file:
        file.write((",".join(map(cells.plain, tables[0].columns)) + "\n").encode(ENCODING, ERRORS))
        for table in tables:
            for lines in table.encoded(cells.texts):
                file.write(lines)


class _Cells(dict[str, str]):
    """Cells as they are written into a CSV file; each text is escaped and quoted once, however often it occurs."""

    def __init__(self) -> None:
        self._line = io.StringIO()
        self._writer = csv.writer(self._line, lineterminator="\n")

    def __missing__(self, text: str) -> str:
        if _PLAIN.fullmatch(text):  # as nearly all are; what is written as it is need not be remembered
            return text
        self[text] = made = self.plain(escaped(text))
        return made

    def plain(self, text: str) -> str:
        """Return a text as it is written if no spreadsheet takes it for a formula: quoted, where it must be."""
        self._line.seek(0)
        self._line.truncate()
        self._writer.writerow((text, ""))
        return self._line.getvalue()[: -len(",\n")]

    def texts(self, values: Sequence[Any]) -> Iterable[str]:
        """Return the cells of a column as they are written."""
        return map(str if set(map(type, values)) == {int} else self.text, values)

    def text(self, value: Any) -> str:
        """Return a value as it is written."""
        if isinstance(value, str):
            return self[value]
        return "" if value is None or value != value else str(value)
