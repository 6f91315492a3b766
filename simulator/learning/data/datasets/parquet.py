"""Images and labels in Parquet files, in the layout of Hugging Face."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from simulator.learning.data.datasets.base import Limited, Raw, Samples
from simulator.learning.data.datasets.labels import Column, numbered
from simulator.learning.data.datasets.parquet_files import (
    Paths,
    chosen,
    class_names,
    column_values,
    matching,
    readable,
    row_place,
)
from simulator.learning.data.datasets.pixels import file_bytes, stacked
from simulator.settings.bounds import MOST_CLASSES
from simulator.settings.errors import UnfitError
from simulator.settings.wording import listed, near_miss

if TYPE_CHECKING:
    import pyarrow


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
        self.paths = [path for pattern in patterns for path in matching(key, pattern)]
        for path in self.paths:
            with readable(key, path):
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
            self.names = class_names(schema, label)

    def labels(self) -> list[Column]:
        """Read the labels of each file, without the images."""
        return [Column(path, list(column_values(self.key, path, self.label))) for path in self.paths]

    def images(self, rows: np.ndarray) -> Iterator[tuple[str, bytes | Path]]:
        """Yield the encoded images in these rows (ascending, counted over all files), each with its place in a file."""
        for path, first, values, places in self._chosen(rows):
            for place in places.tolist():
                yield row_place(path, first + place), self._encoded(path, first + place, values[place].as_py())

    def file_bytes(self, rows: np.ndarray) -> np.ndarray:
        """Return the sizes of the encoded images in these rows, in bytes, int64 [N].

        Images that are stored in the file are not turned into Python objects for this.
        """
        sizes = [np.zeros(0, np.int64)]
        for path, first, values, places in self._chosen(rows):
            lengths = _lengths(values)
            for place in places[lengths[places] == 0].tolist():  # there is a path instead, or no image at all
                encoded = self._encoded(path, first + place, values[place].as_py())
                lengths[place] = file_bytes([(row_place(path, first + place), encoded)], self.key)[0]
            sizes.append(lengths[places])
        return np.concatenate(sizes)

    def _chosen(self, rows: np.ndarray) -> Iterator[tuple[str, int, pyarrow.Array, np.ndarray]]:
        """Yield the images in these rows, some at a time, as ``parquet_files.chosen`` does."""
        for path, first, batch, places in chosen(self.key, self.paths, [self.image], rows):
            yield path, first, batch.column(0), places

    def _encoded(self, path: str, row: int, value: Any) -> bytes | Path:
        if isinstance(value, dict):
            value = value["bytes"] or (value.get("path") and Path(path).parent / value["path"])
        if not value:
            raise UnfitError(self.key, None, f"{row_place(path, row)}, has no image")
        return value


def _lengths(values: pyarrow.Array) -> np.ndarray:
    """Return the sizes of encoded images in bytes, int64 [N]; 0 where there is no image."""
    from pyarrow import compute, large_binary, types

    encoded = compute.struct_field(values, "bytes") if types.is_struct(values.type) else values
    lengths = compute.binary_length(encoded.cast(large_binary()))  # binary_length does not support views
    return np.array(lengths.fill_null(0), dtype=np.int64)
