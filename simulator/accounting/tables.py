"""Tables of rows: added one by one as tuples, packed as Arrow columns once there are many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_type_hints

if TYPE_CHECKING:
    import pyarrow

CHUNK = 65_536
"""How many rows are kept as tuples before they are packed as columns."""
SCHEMA = 2
"""The schema of the tables as Parquet: it rises when a reader would take what is written for something else."""
SCHEMA_KEY = b"sfsim.schema"
"""The key of the schema among the metadata of a file; files without it are of schema 1."""
Row = TypeVar("Row", bound=tuple[Any, ...])
_ARROW = {str: "string", str | None: "string", int: "int64", float: "float64", bool: "bool_"}


class Table(Generic[Row]):
    """Rows of one kind, in the order in which they were added; packed as columns once there are many.

    Attributes:
        row: the class of its rows.
    """

    def __init__(self, row: type[Row]) -> None:
        self.row = row
        self._recent: list[Row] = []
        self._packed: list[pyarrow.RecordBatch] = []

    def add(self, row: Row) -> None:
        """Add a row at the end."""
        self._recent.append(row)
        if len(self._recent) >= CHUNK:
            self._packed.append(self._pack())
            self._recent.clear()

    def __len__(self) -> int:
        return sum(batch.num_rows for batch in self._packed) + len(self._recent)

    def __iter__(self) -> Iterator[Row]:
        for batch in self._packed:
            yield from self._rows(batch)
        yield from self._recent

    def column(self, name: str) -> Iterator[Any]:
        """Yield the values of one column, in the order of the rows."""
        for batch in self._packed:
            yield from batch.column(name).to_pylist()
        place = self.row._fields.index(name)  # type: ignore[attr-defined]
        yield from (row[place] for row in self._recent)

    def where(self, name: str, holds: Callable[[Any], bool]) -> Iterator[Row]:
        """Yield the rows in which the value of a column passes a test, in order; quick if there are none.

        Args:
            name: the column.
            holds: the test of a value.
        """
        for batch in self._packed:
            if any(map(holds, batch.column(name).unique().to_pylist())):
                values = batch.column(name).to_pylist()
                yield from self._rows(batch.take([index for index, value in enumerate(values) if holds(value)]))
        place = self.row._fields.index(name)  # type: ignore[attr-defined]
        yield from (row for row in self._recent if holds(row[place]))

    def replaced(self, **columns: Sequence[Any]) -> Table[Row]:
        """Return a copy with other values in some columns, which are given by name."""
        import pyarrow

        table, schema = self.arrow(), _schema(self.row)
        for name, values in columns.items():
            field = schema.field(name)
            table = table.set_column(schema.get_field_index(name), field, pyarrow.array(values, field.type))
        copy = Table(self.row)
        copy._packed = table.to_batches()
        return copy

    @classmethod
    def stored(cls, row: type[Row], table: pyarrow.Table) -> Table[Row]:
        """Return a table that was written as Parquet; columns that it lacks have the defaults of the row's class.

        Args:
            row: the class of its rows.
            table: what was written.

        Raises:
            KeyError: a column is missing that has no default.
        """
        import pyarrow

        schema, defaults = _schema(row), row._field_defaults  # type: ignore[attr-defined]
        columns = [
            table[field.name].combine_chunks().cast(field.type)
            if field.name in table.column_names
            else pyarrow.array([defaults[field.name]] * len(table), field.type)
            for field in schema
        ]
        copy = cls(row)
        copy._packed = pyarrow.Table.from_arrays(columns, schema=schema).to_batches(CHUNK)
        return copy

    def _rows(self, batch: pyarrow.RecordBatch) -> Iterator[Row]:
        columns = [column.to_pylist() for column in batch.columns]
        return map(self.row._make, zip(*columns, strict=True))  # type: ignore[attr-defined]

    def arrow(self) -> pyarrow.Table:
        """Return all rows as one Arrow table, whose columns have their types even if they are empty."""
        import pyarrow

        return pyarrow.Table.from_batches([*self._packed, self._pack()])

    def _pack(self) -> pyarrow.RecordBatch:
        import pyarrow

        schema = _schema(self.row)
        columns = zip(*self._recent, strict=True) if self._recent else [[] for _ in schema]
        arrays = [pyarrow.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
        return pyarrow.RecordBatch.from_arrays(arrays, schema=schema)


@cache
def _schema(row: type[tuple[Any, ...]]) -> pyarrow.Schema:
    import pyarrow

    kinds = get_type_hints(row)
    fields = [(name, getattr(pyarrow, _ARROW[kind])()) for name, kind in kinds.items()]
    return pyarrow.schema(fields, metadata={SCHEMA_KEY: str(SCHEMA).encode()})
