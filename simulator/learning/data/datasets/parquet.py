"""Images and labels in Parquet files, in the layout of Hugging Face."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import BeforeValidator, Field

from simulator.learning.data.datasets.base import Limited, Raw, Samples
from simulator.learning.data.datasets.labels import Column, numbered
from simulator.learning.data.datasets.pixels import file_bytes, stacked
from simulator.settings.base import LocalPath, Many
from simulator.settings.bounds import MOST_CLASSES
from simulator.settings.errors import UnfitError
from simulator.settings.printable import printable
from simulator.settings.wording import listed, near_miss

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import ParquetFile

ROWS = 1000
"""The number of rows read at once, so that the encoded images are never in memory all together."""

Paths = Annotated[
    Many[LocalPath], Field(min_length=1), BeforeValidator(lambda of: of if isinstance(of, list | tuple) else [of])
]
"""A path or a list of paths; ``*`` matches anything, as in ``train-*.parquet``."""


class Parquet(Limited):
    """Parquet files with a column of images and a column of labels.

    Attributes:
        train, test: the files for training and for testing, relative to the folder of the scenario.
        image: the column of images: the bytes of JPEG, PNG and so on, or ``{bytes, path}``; there, a path relative to
            the folder of the file may replace the bytes.
        label: the column of labels: whole numbers from 0, or text, or true and false; the latter two are numbered in
            sorted order.
        classes: how many classes there are; null: as the file declares (Hugging Face's ClassLabel), or as many as
            occur.
    """

    name: ClassVar[str] = "parquet"
    train: Paths
    test: Paths
    image: str = "img"
    label: str = "label"
    classes: Annotated[int, Field(gt=0, le=MOST_CLASSES)] | None = None

    def load(self) -> Raw:
        train, test = (_Table(key, getattr(self, key), self.image, self.label) for key in ("train", "test"))
        columns = [*train.labels(), *test.labels()]
        labels, names = numbered(columns, train.names, self.classes)
        files = len(train.paths)
        return Raw(self._samples(train, labels[:files]), self._samples(test, labels[files:]), names)

    def _samples(self, table: _Table, labels: list[np.ndarray]) -> Samples:
        all_labels = np.concatenate(labels)
        rows = self.chosen(table.key, len(all_labels))
        return Samples(
            all_labels[rows],
            lambda size: stacked(table.images(rows), len(rows), size, table.key),
            lambda size: table.file_bytes(rows),
        )


class _Table:
    """Several Parquet files as one table; their content is read each time that it is needed.

    Args:
        key: the setting that names the files, for messages.
        patterns: paths, in which ``*`` matches anything.
        image: the column of images.
        label: the column of labels.

    Raises:
        UnfitError: a file cannot be read, or lacks a column.
    """

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
        """Read the labels of each file, without the images."""
        return [Column(path, list(self._column(path, self.label))) for path in self.paths]

    def images(self, rows: np.ndarray) -> Iterator[tuple[str, bytes | Path]]:
        """Yield the encoded images in these rows (ascending, counted over all files), each with its place in a file."""
        for path, first, values, places in self._chosen(rows):
            for place in places.tolist():
                yield _place(path, first + place), self._encoded(path, first + place, values[place].as_py())

    def file_bytes(self, rows: np.ndarray) -> np.ndarray:
        """Return the sizes of the encoded images in these rows, in bytes, int64 [N].

        Images that are stored in the file are not turned into Python objects for this.
        """
        sizes = [np.zeros(0, np.int64)]
        for path, first, values, places in self._chosen(rows):
            lengths = _lengths(values)
            for place in places[lengths[places] == 0].tolist():  # there is a path instead, or no image at all
                encoded = self._encoded(path, first + place, values[place].as_py())
                lengths[place] = file_bytes([(_place(path, first + place), encoded)], self.key)[0]
            sizes.append(lengths[places])
        return np.concatenate(sizes)

    def _chosen(self, rows: np.ndarray) -> Iterator[tuple[str, int, pyarrow.Array, np.ndarray]]:
        """Yield the images in these rows, some at a time.

        Each item has the path of a file, the number of a row in it, the values from that row on, and the positions of
        the wanted images among these values.
        """
        from pyarrow.parquet import ParquetFile

        before = 0
        for path in self.paths:
            with _readable(self.key, path), ParquetFile(path) as file:
                for first, values in _values(file, self.image, rows - before):
                    yield path, first, values, _between(rows - before, first, len(values))
                before += file.metadata.num_rows

    def _column(self, path: str, column: str) -> Iterator[Any]:
        """Yield the values of a column of one file as Python objects."""
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
    """Select those of some ascending rows that are in first .. first + count - 1, and return them minus ``first``."""
    return rows[slice(*np.searchsorted(rows, (first, first + count)))] - first


def _values(file: ParquetFile, column: str, rows: np.ndarray) -> Iterator[tuple[int, pyarrow.Array]]:
    """Yield a column, some values at a time with the number of their first row; skip row groups without these rows."""
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
    """Return the sizes of encoded images in bytes, int64 [N]; 0 where there is no image."""
    from pyarrow import compute, large_binary, types

    encoded = compute.struct_field(values, "bytes") if types.is_struct(values.type) else values
    lengths = compute.binary_length(encoded.cast(large_binary()))  # binary_length does not support views
    return np.array(lengths.fill_null(0), dtype=np.int64)


def _matching(key: str, pattern: str) -> list[str]:
    """Return the files that match a pattern, sorted."""
    paths = sorted(glob.glob(pattern)) if "*" in pattern else [pattern]
    if not paths:
        raise UnfitError(key, None, f"no file matches {pattern}")
    for path in paths:
        if os.path.exists(path) and not os.path.isfile(path):  # a FIFO would be waited for
            raise UnfitError(key, None, f"{path} cannot be read as Parquet: it is not a file")
    return paths


@contextmanager
def _readable(key: str, path: str) -> Iterator[None]:
    """Turn errors of reading a file into an ``UnfitError`` that names it."""
    from pyarrow import ArrowException

    try:
        yield
    except FileNotFoundError:
        raise UnfitError(key, None, f"there is no file {path}") from None
    except (OSError, ArrowException) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UnfitError(key, None, f"{path} cannot be read as Parquet: {reason}") from error


def _class_names(schema: pyarrow.Schema, label: str) -> list[str]:
    """Return the class names that Hugging Face's ClassLabel declares for a column; none where it declares nothing."""
    try:
        metadata = json.loads((schema.metadata or {})[b"huggingface"])
        return [printable(name) for name in metadata["info"]["features"][label]["names"]]
    except (AttributeError, KeyError, TypeError, ValueError):
        return []
