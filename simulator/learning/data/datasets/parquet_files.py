"""Parquet files: finding them, and reading some rows of some columns."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import BeforeValidator, Field

from simulator.settings.base import LocalPath, Many
from simulator.settings.errors import UnfitError
from simulator.settings.printable import printable

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import ParquetFile

ROWS = 1000
"""The number of rows read at once, so that the samples are never in memory all together."""

Paths = Annotated[
    Many[LocalPath], Field(min_length=1), BeforeValidator(lambda of: of if isinstance(of, list | tuple) else [of])
]
"""A path or a list of paths; ``*`` matches anything, as in ``train-*.parquet``."""


def row_place(path: str, row: int) -> str:
    """Return where a row of a file stands, for messages."""
    return f"{path}, row {row} (from 0)"


def between(rows: np.ndarray, first: int, count: int) -> np.ndarray:
    """Select those of some ascending rows that are in first .. first + count - 1, and return them minus ``first``."""
    return rows[slice(*np.searchsorted(rows, (first, first + count)))] - first


def batches(file: ParquetFile, columns: Sequence[str], rows: np.ndarray) -> Iterator[tuple[int, pyarrow.RecordBatch]]:
    """Yield columns, some rows at a time with the number of the first; skip row groups without any of these rows."""
    first = 0
    for group in range(file.num_row_groups):
        count = file.metadata.row_group(group).num_rows
        if len(between(rows, first, count)):
            start = first
            for batch in file.iter_batches(ROWS, row_groups=[group], columns=list(columns), use_threads=False):
                yield start, batch
                start += len(batch)
        first += count


def chosen(
    key: str, paths: Sequence[str], columns: Sequence[str], rows: np.ndarray
) -> Iterator[tuple[str, int, pyarrow.RecordBatch, np.ndarray]]:
    """Yield columns in these rows, some at a time.

    Each item has the path of a file, the number of a row in it, the values from that row on, and the positions of the
    wanted rows among these values.

    Args:
        key: the setting that names the files, for messages.
        paths: the files.
        columns: the columns; those of a batch are in the order of the file.
        rows: the rows, ascending, counted over all files.
    """
    from pyarrow.parquet import ParquetFile

    before = 0
    for path in paths:
        with readable(key, path), ParquetFile(path) as file:
            for first, batch in batches(file, columns, rows - before):
                yield path, first, batch, between(rows - before, first, len(batch))
            before += file.metadata.num_rows


def column_values(key: str, path: str, column: str) -> Iterator[object]:
    """Yield the values of a column of one file as Python objects."""
    from pyarrow.parquet import ParquetFile

    with readable(key, path), ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=ROWS, columns=[column], use_threads=False):
            yield from batch.column(0).to_pylist()


def matching(key: str, pattern: str, kind: str = "Parquet") -> list[str]:
    """Return the files that match a pattern, sorted; for Parquet files and other tables.

    Args:
        key: the setting that names the files, for messages.
        pattern: a path, in which ``*`` matches anything.
        kind: what the files are read as.

    Raises:
        UnfitError: no file matches, or something that does is no file.
    """
    paths = sorted(glob.glob(pattern)) if "*" in pattern else [pattern]
    if not paths:
        raise UnfitError(key, None, f"no file matches {pattern}")
    for path in paths:
        if os.path.exists(path) and not os.path.isfile(path):  # a FIFO would be waited for
            raise UnfitError(key, None, f"{path} cannot be read as {kind}: it is not a file")
    return paths


@contextmanager
def readable(key: str, path: str) -> Iterator[None]:
    """Turn errors of reading a file into an ``UnfitError`` that names it."""
    from pyarrow import ArrowException

    try:
        yield
    except FileNotFoundError:
        raise UnfitError(key, None, f"there is no file {path}") from None
    except (OSError, ArrowException) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UnfitError(key, None, f"{path} cannot be read as Parquet: {reason}") from error


def class_names(schema: pyarrow.Schema, label: str) -> list[str]:
    """Return the class names that Hugging Face's ClassLabel declares for a column; none where it declares nothing."""
    try:
        metadata = json.loads((schema.metadata or {})[b"huggingface"])
        return [printable(name) for name in metadata["info"]["features"][label]["names"]]
    except (AttributeError, KeyError, TypeError, ValueError):
        return []
