"""Texts and labels in Parquet files, in the layout of Hugging Face."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simulator.learning.data.datasets.labels import Column
from simulator.learning.data.datasets.parquet_files import (
    chosen,
    class_names,
    column_values,
    matching,
    readable,
    row_place,
)
from simulator.learning.data.datasets.text_table import Table, TextTable

if TYPE_CHECKING:
    import pyarrow


class TextParquet(TextTable):
    """Parquet files with columns of texts and a column of labels, as data sets of Hugging Face are published."""

    name: ClassVar[str] = "text_parquet"

    def opened(self, part: str) -> Table:
        paths = [path for pattern in getattr(self, part) for path in matching(part, pattern)]
        return ParquetTable(part, paths)


class ParquetTable(Table):
    """Several Parquet files as one table.

    Args:
        key: the setting that names the files, for messages.
        paths: the files.

    Raises:
        UnfitError: a file cannot be read.
    """

    def __init__(self, key: str, paths: Sequence[str]) -> None:
        from pyarrow.parquet import read_schema

        super().__init__(key, paths)
        self._schemas: dict[str, pyarrow.Schema] = {}
        for path in paths:
            with readable(key, path):
                self._schemas[path] = read_schema(path)

    def columns(self, path: str) -> dict[str, str]:
        return {field.name: _held(field.type) for field in self._schemas[path]}

    def counts(self) -> list[int]:
        from pyarrow.parquet import read_metadata

        counts = []
        for path in self.paths:
            with readable(self.key, path):
                counts.append(read_metadata(path).num_rows)
        return counts

    def labels(self, column: str) -> list[Column]:
        return [Column(path, list(column_values(self.key, path, column))) for path in self.paths]

    def class_names(self, column: str) -> Sequence[str]:
        return class_names(self._schemas[self.paths[-1]], column)

    def rows(self, rows: np.ndarray, columns: Sequence[str]) -> Iterator[tuple[str, list[Any]]]:
        for path, first, batch, places in chosen(self.key, self.paths, list(dict.fromkeys(columns)), rows):
            values = [batch.column(name).to_pylist() for name in columns]  # not take, which does not support views
            for place in places.tolist():
                yield row_place(path, first + place), [of_column[place] for of_column in values]

    def file_bytes(self, rows: np.ndarray, columns: Sequence[str]) -> np.ndarray:
        sizes = [np.zeros(0, np.int64)]
        for *_, batch, places in chosen(self.key, self.paths, list(dict.fromkeys(columns)), rows):
            sizes.append(
                sum((_lengths(batch.column(name)) for name in columns), np.zeros(len(batch), np.int64))[places]
            )
        return np.concatenate(sizes)


def _held(kind: pyarrow.DataType) -> str:
    """Return what a column of a type holds: ``text``, ``texts``, or anything else in words."""
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return "text"
    if types.is_list(kind) or types.is_large_list(kind):
        return "texts" if _held(kind.value_type) == "text" else str(kind)
    return str(kind)


def _lengths(values: pyarrow.Array) -> np.ndarray:
    """Return the sizes of texts, or of lists of them, in bytes of UTF-8, int64 [N]; 0 where there are none."""
    from pyarrow import compute, large_string, types

    if types.is_list(values.type) or types.is_large_list(values.type):
        row_of_each = np.asarray(compute.list_parent_indices(values))
        sizes = _lengths(compute.list_flatten(values))
        return np.bincount(row_of_each, weights=sizes, minlength=len(values)).astype(np.int64)
    lengths = compute.binary_length(values.cast(large_string()))  # it does not support views and dictionaries
    return np.array(lengths.fill_null(0), dtype=np.int64)
