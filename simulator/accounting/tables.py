"""Tables of rows: added one by one as tuples, packed as Arrow columns if there are many, and spilled if there are more.

So a table holds a few chunks of its rows, however long it is. What goes through all of them takes chunk by chunk.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache
from itertools import accumulate, islice
from operator import eq, itemgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_type_hints

from simulator.accounting.packing import packed
from simulator.accounting.spill import Spill

if TYPE_CHECKING:
    import pyarrow

CHUNK = 32_768
"""How many rows are kept as tuples before they are packed as columns."""
KEPT = 1
"""How many packed chunks are kept in memory; with one more, all go to disk."""
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
        self._spill: Spill | None = None
        self._last: tuple[int, pyarrow.RecordBatch] | None = None

    def add(self, row: Row) -> None:
        """Add a row at the end.

        Raises:
            CannotWriteError: it is one of very many, and the disk to which they go is full.
        """
        recent = self._recent
        recent.append(row)
        if len(recent) >= CHUNK:
            self.pack()

    def pack(self) -> None:
        """Pack the rows that were added last, too, of which a chunk was not full yet."""
        if self._recent:
            self._append(self._pack())
            self._recent.clear()

    def close(self) -> None:
        """Take no more rows: those that are added from now on are dropped."""
        self.add = _dropped  # type: ignore[method-assign]

    def _append(self, batch: pyarrow.RecordBatch) -> None:
        """Add packed rows at the end; there must be no recent ones."""
        self._packed.append(batch)
        if len(self._packed) > KEPT:
            self._spill = self._spill or Spill()
            for kept in self._packed:
                self._spill.append(kept)
            self._packed.clear()

    def __len__(self) -> int:
        return sum(self._counts())

    def __iter__(self) -> Iterator[Row]:
        for batch in self._batches():
            yield from self._rows(batch)
        yield from self._recent

    def __getitem__(self, index: int) -> Row:
        """Return a row by its place; quick for rows that are near the one before.

        Raises:
            IndexError: there is no such row.
        """
        if not self._packed and self._spill is None and 0 <= index < len(self._recent):
            return self._recent[index]
        ends = list(accumulate(self._counts()))
        if not 0 <= index < (ends[-1] if ends else 0):
            raise IndexError(index)
        chunk = bisect_right(ends, index)
        place = index - (ends[chunk - 1] if chunk else 0)
        if chunk == len(ends) - 1:
            return self._recent[place]
        if self._last is None or self._last[0] != chunk:
            self._last = chunk, self._batch(chunk)
        return self.row._make(column[place].as_py() for column in self._last[1].columns)  # type: ignore[attr-defined]

    def same_rows(self, other: Table[Row]) -> bool:
        """Return whether another table has the same rows in the same order."""
        return len(self) == len(other) and all(map(eq, self, other))

    def chunks(self, *names: str, at_once: int = 1) -> Iterator[tuple[Any, ...]]:
        """Yield some columns, chunk by chunk: each chunk is a tuple with an Arrow array or a list for each name.

        Args:
            names: the columns.
            at_once: how many chunks are joined to one.
        """
        batches = self._batches(names)
        while several := list(islice(batches, at_once)):
            if len(several) == 1:
                yield tuple(several[0].column(name) for name in names)
                continue
            import pyarrow

            yield tuple(pyarrow.concat_arrays([batch.column(name) for batch in several]) for name in names)
        if self._recent:
            places = (self.row._fields.index(name) for name in names)  # type: ignore[attr-defined]
            yield tuple(list(map(itemgetter(place), self._recent)) for place in places)

    def lists(self, *names: str) -> Iterator[tuple[list[Any], ...]]:
        """Yield some columns, chunk by chunk: each chunk is a tuple with a list of values for each name.

        Args:
            names: the columns.
        """
        for chunk in self.chunks(*names):
            yield tuple(values if isinstance(values, list) else values.to_pylist() for values in chunk)

    def column(self, name: str) -> Iterator[Any]:
        """Yield the values of one column, in the order of the rows."""
        for (values,) in self.lists(name):
            yield from values

    def where(self, name: str, holds: Callable[[Any], bool]) -> Iterator[Row]:
        """Yield the rows in which the value of a column passes a test, in order; quick if there are none.

        Args:
            name: the column.
            holds: the test of a value.
        """
        for index in range(len(self._counts()) - 1):
            column = self._batch(index, (name,)).column(name)
            passing = {value: holds(value) for value in column.unique().to_pylist()}
            if any(passing.values()):
                values = column.to_pylist()
                yield from self._rows(
                    self._batch(index).take([place for place, value in enumerate(values) if passing[value]])
                )
        place = self.row._fields.index(name)  # type: ignore[attr-defined]
        yield from (row for row in self._recent if holds(row[place]))

    def among(self, name: str, values: Collection[str]) -> Iterator[Row]:
        """Yield the rows in which a column of texts has one of some values, in order; quick if there are few.

        Args:
            name: the column.
            values: the values.
        """
        for index in range(len(self._counts()) - 1):
            from pyarrow import compute

            wanted = packed(list(values), _schema(self.row).field(name).type)
            found = compute.is_in(self._batch(index, (name,)).column(name), value_set=wanted)
            if found.true_count:
                yield from self._rows(self._batch(index).filter(found))
        place = self.row._fields.index(name)  # type: ignore[attr-defined]
        yield from (row for row in self._recent if row[place] in values)

    def changed(self, change: Callable[[pyarrow.RecordBatch], pyarrow.RecordBatch]) -> Table[Row]:
        """Return a copy with other rows, made chunk by chunk; the chunks may become shorter, but not longer.

        Args:
            change: takes the rows of a chunk and returns those of the copy.
        """
        return Table.packed(self.row, map(change, self.batches()))

    @classmethod
    def packed(cls, row: type[Row], batches: Iterable[pyarrow.RecordBatch]) -> Table[Row]:
        """Return a table of rows that are packed already.

        Args:
            row: the class of its rows.
            batches: its rows, in order, with the schema that its class gives them.
        """
        copy = cls(row)
        for batch in batches:
            if batch.num_rows:
                copy._append(batch)
        return copy

    @classmethod
    def stored(cls, row: type[Row], batches: Iterable[pyarrow.RecordBatch]) -> Table[Row]:
        """Return a table that was written as Parquet; columns that it lacks have the defaults of the row's class.

        Args:
            row: the class of its rows.
            batches: what was written, in order, with one schema; a table of Arrow is taken as well.

        Raises:
            KeyError: a column is missing that has no default.
        """
        import pyarrow

        schema, defaults = _schema(row), row._field_defaults  # type: ignore[attr-defined]

        def whole(batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
            columns = [
                batch.column(field.name).cast(field.type)
                if field.name in batch.schema.names
                else pyarrow.array([defaults[field.name]] * batch.num_rows, field.type)
                for field in schema
            ]
            return pyarrow.RecordBatch.from_arrays(columns, schema=schema)

        found = batches.to_batches(CHUNK) if isinstance(batches, pyarrow.Table) else batches
        return cls.packed(row, map(whole, found))

    def batches(self) -> Iterator[pyarrow.RecordBatch]:
        """Yield all rows as Arrow batches, chunk by chunk; at least one, which may be empty."""
        yield from self._batches()
        if self._recent or not (self._packed or self._spill):
            yield self._pack()

    def arrow(self) -> pyarrow.Table:
        """Return all rows as one Arrow table, whose columns have their types even if they are empty."""
        import pyarrow

        return pyarrow.Table.from_batches(self.batches())

    def _counts(self) -> list[int]:
        """Return how many rows each chunk has; the last are the recent ones."""
        spilled = self._spill.rows if self._spill else ()
        return [*spilled, *(batch.num_rows for batch in self._packed), len(self._recent)]

    def _batch(self, index: int, names: Sequence[str] | None = None) -> pyarrow.RecordBatch:
        """Return a packed chunk with these columns, or more."""
        spilled = len(self._spill.rows) if self._spill else 0
        if self._spill and index < spilled:
            return self._spill.read(index, names)
        return self._packed[index - spilled]

    def _batches(self, names: Sequence[str] | None = None) -> Iterator[pyarrow.RecordBatch]:
        for index in range(len(self._counts()) - 1):
            yield self._batch(index, names)

    def _rows(self, batch: pyarrow.RecordBatch) -> Iterator[Row]:
        columns = [column.to_pylist() for column in batch.columns]
        return map(self.row._make, zip(*columns, strict=True))  # type: ignore[attr-defined]

    def _pack(self) -> pyarrow.RecordBatch:
        import pyarrow

        schema = _schema(self.row)
        columns = zip(*self._recent, strict=True) if self._recent else [[] for _ in schema]
        arrays = [packed(column, field.type) for column, field in zip(columns, schema, strict=True)]
        return pyarrow.RecordBatch.from_arrays(arrays, schema=schema)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is copied and pickled: all rows, those on disk as well, since a file is one process's own."""
        return vars(self) | {"_packed": list(self._batches()), "_spill": None, "_last": None}


@cache
def _schema(row: type[tuple[Any, ...]]) -> pyarrow.Schema:
    import pyarrow

    kinds = get_type_hints(row)
    fields = [(name, getattr(pyarrow, _ARROW[kind])()) for name, kind in kinds.items()]
    return pyarrow.schema(fields, metadata={SCHEMA_KEY: str(SCHEMA).encode()})


def _dropped(row: tuple[Any, ...]) -> None:
    """Add a row to nothing."""
