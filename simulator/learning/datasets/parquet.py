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

from simulator.learning.datasets.base import DataError, Limited, Raw, Samples
from simulator.learning.datasets.labels import Column, numbered
from simulator.learning.datasets.pixels import file_bytes, stacked
from simulator.settings import LocalPath, Many
from simulator.wording import listed, near_miss

if TYPE_CHECKING:
    import pyarrow

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
            lambda size: file_bytes(table.images(rows), table.key),
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
                    raise DataError(setting, column, problem, listed(schema.names))
            kind = schema.field(image).type
            if types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
                kind = kind.field("bytes").type
            if not (types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind)):
                problem = f"in {path} it holds {kind}, and images are wanted, as bytes or as {{bytes, path}}"
                raise DataError("image", image, problem)
            self.names = _class_names(schema, label)

    def labels(self) -> list[Column]:
        """The column of each file; images are not touched."""
        return [Column(path, list(self._column(path, self.label))) for path in self.paths]

    def images(self, rows: np.ndarray) -> Iterator[tuple[str, bytes | Path]]:
        """The encoded images in these rows (ascending, counted over all files), each with where it stands."""
        first, wanted = 0, set(rows.tolist())
        for path in self.paths:
            number = -1
            for number, value in enumerate(self._column(path, self.image)):
                if first + number in wanted:
                    yield f"{path}, row {number} (from 0)", self._encoded(path, number, value)
            first += number + 1

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
            raise DataError(self.key, None, f"{path}, row {row} (from 0), has no image")
        return value


def _matching(key: str, pattern: str) -> list[str]:
    """The files a path stands for, in order."""
    found = sorted(glob.glob(pattern)) if "*" in pattern else [pattern]
    if not found:
        raise DataError(key, None, f"no file matches {pattern}")
    return found


@contextmanager
def _readable(key: str, path: str) -> Iterator[None]:
    """What is wrong with a file, in words."""
    from pyarrow import ArrowException

    try:
        yield
    except FileNotFoundError:
        raise DataError(key, None, f"there is no file {path}") from None
    except (OSError, ArrowException) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(key, None, f"{path} cannot be read as Parquet: {reason}") from error


def _class_names(schema: pyarrow.Schema, label: str) -> list[str]:
    """What Hugging Face's ClassLabel says of a column; nothing where there is none."""
    try:
        told = json.loads((schema.metadata or {})[b"huggingface"])
        return list(told["info"]["features"][label]["names"])
    except (KeyError, TypeError, ValueError):
        return []
