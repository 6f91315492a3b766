"""Tables of a few rows, and CSV files of them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from simulator.settings.csv_cells import escaped
from simulator.settings.disk import written

if TYPE_CHECKING:
    import pandas as pd


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
    with written(path), path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(tables[0].columns)
        for table in tables:
            writer.writerows([None if value != value else escaped(value) for value in row] for row in table.rows)
