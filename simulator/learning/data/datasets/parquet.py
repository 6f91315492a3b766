"""Images and labels in Parquet files, as Hugging Face lays them out."""

from __future__ import annotations

import glob
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import BeforeValidator, Field, PositiveInt

from simulator.learning.data.datasets.base import Limited, Raw, Samples
from simulator.learning.data.datasets.labels import Column, numbered
from simulator.learning.data.datasets.pixels import file_bytes, stacked
from simulator.settings.base import LocalPath, Many
from simulator.settings.errors import UnfitError
from simulator.settings.wording import listed, near_miss

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import ParquetFile

ROWS = 1000
"""Rows read at once: encoded images never lie in memory all together."""

Paths = Annotated[
    Many[LocalPath], Field(min_length=1), BeforeValidator(lambda of: of if isinstance(of, list | tuple) else [of])
]
"""A path or a list of them; ``*`` stands for anything, as in ``train-*.parquet``."""


class Parquet(Limited):
    """Any Parquet files with a column of images and one of labels.

    Attributes:
        train, test: files, from the scenario's folder.
        image: the column of images: bytes of JPEG, PNG and so on, or ``{bytes, path}`` (then a path may stand in for
            bytes, from the file's folder).
        label: the column of labels: whole numbers from 0, or text or true and false, numbered in sorted order.
        classes: how many there are; null: as the file declares (Hugging Face's ClassLabel), or as they occur.
    """

    name: ClassVar[str] = "parquet"
    train: Paths
    test: Paths
    image: str = "img"
    label: str = "label"
    classes: PositiveInt | None = None

    def load(self) -> Raw:
        train, test = (_Table(key, getattr(self, key), self.image, self.label) for key in ("train", "test"))
        columns = [*train.labels(), *test.labels()]
        labels, names = numbered(columns, train.names, self.classes)
        files = len(train.paths)
        return Raw(self._samples(train, labels[:files]), self._samples(test, labels[files:]), names)

    def _samples(self, table: _Table, labels: list[np.ndarray]) -> Samples:
        every = np.concatenate(labels)
        rows = self.chosen(table.key, len(every))
        return Samples(
            every[rows],
            lambda size: stacked(table.images(rows), len(rows), size, table.key),
            lambda size: table.file_bytes(rows),
        )


class _Table:
    """Some Parquet files one behind the other; nothing is kept of them."""

    def __init__(self, key: str, patterns: tuple[str, ...], image: str, label: str) -> None:
        from pyarrow import types
        from pyarrow.parquet import read_schema

        self.key, self.image, self.label = key, image, label
        self.paths = [path for pattern in patterns for path in _matching(key, pattern)]
        for path in self.paths:
            with _readable(key, path):
                schema = read_schema(path)
            for setting, column in (("image", image), ("label", label)):
                if column not in schema.names:
                    problem = f"{path} has no such column{near_miss(column, schema.names)}"
                    raise UnfitError(setting, column, problem, listed(schema.names))
            kind = schema.field(image).type
            if types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
                kind = kind.field("bytes").type
            if not (types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind)):
                problem = f"in {path} it holds {kind}, and images are wanted, as bytes or as {{bytes, path}}"
                raise UnfitError("image", image, problem)
            self.names = _class_names(schema, label)

    def labels(self) -> list[Column]:
        """The column of each file; images are not touched."""
        return [Column(path, list(self._column(path, self.label))) for path in self.paths]

    def images(self, rows: np.ndarray) -> Iterator[tuple[str, bytes | Path]]:
        """The encoded images in these rows (ascending, counted over all files), each with where it stands."""
        for path, first, values, places in self._chosen(rows):
            for place in places.tolist():
                yield _place(path, first + place), self._encoded(path, first + place, values[place].as_py())

    def file_bytes(self, rows: np.ndarray) -> np.ndarray:
        """How large the images in these rows are: int64, in bytes; what lies in the file is not made an object."""
        sizes = [np.zeros(0, np.int64)]
        for path, first, values, places in self._chosen(rows):
            lengths = _lengths(values)
            for place in places[lengths[places] == 0].tolist():  # a path stands in, or there is none
                encoded = self._encoded(path, first + place, values[place].as_py())
                lengths[place] = file_bytes([(_place(path, first + place), encoded)], self.key)[0]
            sizes.append(lengths[places])
        return np.concatenate(sizes)

    def _chosen(self, rows: np.ndarray) -> Iterator[tuple[str, int, pyarrow.Array, np.ndarray]]:
        """Where these images are: a file, the first of some of its rows, their values, and which of them."""
        from pyarrow.parquet import ParquetFile

        before = 0
        for path in self.paths:
            with _readable(self.key, path), ParquetFile(path) as file:
                for first, values in _values(file, self.image, rows - before):
                    yield path, first, values, _between(rows - before, first, len(values))
                before += file.metadata.num_rows

    def _column(self, path: str, column: str) -> Iterator[Any]:
        """A column as Python values."""
        from pyarrow.parquet import ParquetFile

        with _readable(self.key, path), ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=ROWS, columns=[column], use_threads=False):
                yield from batch.column(0).to_pylist()

    def _encoded(self, path: str, row: int, value: Any) -> bytes | Path:
        if isinstance(value, dict):
            value = value["bytes"] or (value.get("path") and Path(path).parent / value["path"])
        if not value:
            raise UnfitError(self.key, None, f"{_place(path, row)}, has no image")
        return value


def _place(path: str, row: int) -> str:
    return f"{path}, row {row} (from 0)"


def _between(rows: np.ndarray, first: int, count: int) -> np.ndarray:
    """Those of ascending rows that are among the ``count`` from ``first`` on, counted from there."""
    return rows[slice(*np.searchsorted(rows, (first, first + count)))] - first


def _values(file: ParquetFile, column: str, rows: np.ndarray) -> Iterator[tuple[int, pyarrow.Array]]:
    """A column, some at a time: the first row and the values. A row group with none of these rows is not read."""
    first = 0
    for group in range(file.num_row_groups):
        count = file.metadata.row_group(group).num_rows
        if len(_between(rows, first, count)):
            start = first
            for batch in file.iter_batches(ROWS, row_groups=[group], columns=[column], use_threads=False):
                yield start, batch.column(0)
                start += len(batch)
        first += count


def _lengths(values: pyarrow.Array) -> np.ndarray:
    """Of encoded images, int64, in bytes; 0 where there are none."""
    from pyarrow import compute, large_binary, types

    found = compute.struct_field(values, "bytes") if types.is_struct(values.type) else values
    lengths = compute.binary_length(found.cast(large_binary()))  # it knows no views
    return np.array(lengths.fill_null(0), dtype=np.int64)


def _matching(key: str, pattern: str) -> list[str]:
    """The files a path stands for, in order."""
    found = sorted(glob.glob(pattern)) if "*" in pattern else [pattern]
    if not found:
        raise UnfitError(key, None, f"no file matches {pattern}")
    return found


@contextmanager
def _readable(key: str, path: str) -> Iterator[None]:
    """What is wrong with a file, in words."""
    from pyarrow import ArrowException

    try:
        yield
    except FileNotFoundError:
        raise UnfitError(key, None, f"there is no file {path}") from None
    except (OSError, ArrowException) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UnfitError(key, None, f"{path} cannot be read as Parquet: {reason}") from error


def _class_names(schema: pyarrow.Schema, label: str) -> list[str]:
    """What Hugging Face's ClassLabel says of a column; nothing where there is none."""
    try:
        told = json.loads((schema.metadata or {})[b"huggingface"])
        return list(told["info"]["features"][label]["names"])
    except (KeyError, TypeError, ValueError):
        return []
