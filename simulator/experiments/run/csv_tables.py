"""Tables of a few rows, and CSV files of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from simulator.settings.csv_cells import escaped
from simulator.settings.disk import written

if TYPE_CHECKING:
    import pandas as pd

_AT_ONCE = 16_384
"""How many rows are written at once."""


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


def write_csv(path: Path, tables: Sequence[Table]) -> None:
    """Write tables with the same columns into one CSV file, one below the other; None and NaN become empty cells.

    Raises:
        CannotWriteError: the file cannot be written.
    """
    texts = _Texts()
    with written(path), path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        file.write(",".join(texts.plain(name) for name in tables[0].columns) + "\n")
        for table in tables:
            for first in range(0, len(table.rows), _AT_ONCE):
                columns = map(texts.of_column, zip(*table.rows[first : first + _AT_ONCE], strict=True))
                file.writelines(f"{line}\n" for line in map(",".join, zip(*columns, strict=True)))


class _Texts(dict[str, str]):
    """Cells as they are written into a CSV file; each text is escaped and quoted once, however often it occurs."""

    def __init__(self) -> None:
        self._line = io.StringIO()
        self._writer = csv.writer(self._line, lineterminator="\n")

    def __missing__(self, text: str) -> str:
        self[text] = made = self.plain(escaped(text))
        return made

    def plain(self, text: str) -> str:
        """Return a text as it is written if no spreadsheet takes it for a formula: quoted, where it must be."""
        self._line.seek(0)
        self._line.truncate()
        self._writer.writerow((text, ""))
        return self._line.getvalue()[: -len(",\n")]

    def of_column(self, values: Sequence[Any]) -> Iterable[str]:
        """Return the cells of a column: those of one type, as most are, without a look at each of them."""
        kinds = set(map(type, values))
        if kinds == {str}:
            return map(self.__getitem__, values)
        if kinds == {int}:
            return map(str, values)
        return map(self._cell, values)

    def _cell(self, value: Any) -> str:
        if isinstance(value, str):
            return self[value]
        return "" if value is None or value != value else str(value)
