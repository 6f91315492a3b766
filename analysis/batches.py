"""Tables of ledgers that are read batch by batch, so that only a part of a long one is in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
from pyarrow import compute, parquet

from analysis.reading import RunError, demand_columns, first_line
from analysis.schemas import demand_schema

ROWS = 65_536
"""How many rows are read at once."""


class LedgerFile:
    """A table of a trial's ledger, on disk.

    Args:
        path: its file.
        columns: the columns that it must have.
        later: columns that came with later versions, and what they are read as where the file lacks them.

    Raises:
        RunError: the file is missing, is no Parquet, lacks a column, or is of a schema that is not known.
    """

    def __init__(self, path: Path, columns: Sequence[str], later: Mapping[str, Any]) -> None:
        self.path, self._later = path, later
        if not path.is_file():
            raise RunError(f"{path}: this file is missing")
        try:
            metadata = parquet.read_metadata(path)
            schema, self._rows = metadata.schema.to_arrow_schema(), metadata.num_rows
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error
        demand_schema(path, schema.metadata)
        demand_columns(path, schema.names, tuple(columns))
        self._names = set(schema.names)

    def __len__(self) -> int:
        """Return how many rows there are."""
        return self._rows

    def _unreadable(self, error: Exception) -> RunError:
        return RunError(f"{self.path}: cannot be read as Parquet: {first_line(error)}")

    def batches(self, columns: Sequence[str], rows: int | None = None) -> Iterator[pyarrow.Table]:
        """Yield the rows in the order of the file, as tables of these columns; text is of one type everywhere.

        Args:
            columns: the columns to read.
            rows: the most rows of a table; by default `ROWS`.
        """
        there = [column for column in columns if column in self._names]
        try:
            with parquet.ParquetFile(self.path) as file:
                for batch in filter(len, file.iter_batches(rows or ROWS, columns=there)):
                    yield self._completed(pyarrow.Table.from_batches([batch]), columns)
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error

    def __bool__(self) -> bool:
        return True  # the file is there, even if it has no rows

    def rows(self, columns: Sequence[str], **only: object) -> pyarrow.Table:
        """Return rows in the order of the file, as a table of these columns.

        Args:
            columns: the columns to read.
            only: values of columns; only rows with these values are read (`round=2`).
        """
        there = [column for column in columns if column in self._names]
        filters = [(column, "==", value) for column, value in only.items()] or None
        try:
            table = parquet.read_table(self.path, columns=there, filters=filters)
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error
        return self._completed(table, columns)

    def _completed(self, table: pyarrow.Table, columns: Sequence[str]) -> pyarrow.Table:
        """Return a table with the columns that the file lacks."""
        for name in set(columns) - self._names:
            table = table.append_column(name, pyarrow.repeat(pyarrow.scalar(self._later[name]), len(table)))
        return _plain(table.select(list(columns)))

    def floors(self, columns: Sequence[str]) -> list[float]:
        """Return, for the moment after each batch, the least value that later batches have in any of these columns.

        Returns:
            As many values as there are batches; the last is infinite.
        """
        least = [
            min((compute.min(table[name]).as_py() for name in columns), default=np.inf)
            for table in self.batches(columns)
        ]
        return [float(value) for value in np.minimum.accumulate([*least[1:], np.inf][::-1])[::-1]] if least else []

    def ordered(
        self, by: str, columns: Sequence[str], keep: Callable[[pyarrow.Table], np.ndarray | None]
    ) -> Iterator[tuple[pyarrow.Table, float]]:
        """Yield rows in the order of a column; rows with the same value stay in their order, and together.

        In memory are only the rows that cannot be yielded yet, because later batches may have some that come before.

        Args:
            by: the column.
            columns: the columns to read.
            keep: returns which rows of a table are wanted; None for all of them.

        Yields:
            Tables, and below which value nothing more will come.
        """
        waiting: list[pyarrow.Table] = []
        for table, floor in zip(self.batches(columns), self.floors([by]), strict=True):
            chosen = keep(table)
            waiting.append(table if chosen is None else table.filter(pyarrow.array(chosen)))
            ready = [each[by].to_numpy() < floor for each in waiting]
            if floor < np.inf and not any(rows.any() for rows in ready):
                continue
            parts, rest = [], []
            for each, rows in zip(waiting, ready, strict=True):
                parts.append(each.filter(pyarrow.array(rows)))
                rest.append(each.filter(pyarrow.array(~rows)) if rows.any() else each)
            waiting = [each for each in rest if len(each)]
            table = pyarrow.concat_tables(parts).combine_chunks()
            yield table.take(pyarrow.array(np.argsort(table[by].to_numpy(), kind="stable"))), floor


def _plain(table: pyarrow.Table) -> pyarrow.Table:
    """Return a table whose text is plain strings: other programs write other types."""
    fields = [
        pyarrow.field(field.name, pyarrow.string() if _is_text(field.type) else field.type) for field in table.schema
    ]
    return table.cast(pyarrow.schema(fields))


def _is_text(kind: pyarrow.DataType) -> bool:
    types = pyarrow.types
    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_null(kind))
