"""Chunks of rows that memory need not hold: in a temporary file, one after another, until nobody needs them.

The file has no name where the system allows that (elsewhere it is deleted when it is closed), so that nothing is left
behind whatever ends the process.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from simulator.settings.disk import written

if TYPE_CHECKING:
    import pyarrow

_folder: ContextVar[Path | None] = ContextVar("folder of spilled rows", default=None)


@contextmanager
def spilling_into(folder: Path) -> Iterator[None]:
    """Let rows that are spilled within this context go to the disk of a folder, rather than to that of temporary files.

    Args:
        folder: the folder; where there is none when rows are spilled, they go to that of temporary files all the same.
    """
    before = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(before)


class Spill:
    """A temporary file of record batches.

    Attributes:
        folder: the folder on whose disk it is.
        rows: how many rows each batch has.
    """

    def __init__(self) -> None:
        chosen = _folder.get()
        self.folder = chosen if chosen is not None and chosen.is_dir() else Path(tempfile.gettempdir())
        self.rows: list[int] = []
        self._spans: list[tuple[int, int]] = []
        with written(self.folder):
            self._file: BinaryIO = tempfile.TemporaryFile(dir=self.folder, buffering=0)  # noqa: SIM115
        self._end = 0
        weakref.finalize(self, _close, self._file)

    def append(self, batch: pyarrow.RecordBatch) -> None:
        """Write a batch at the end.

        Raises:
            CannotWriteError: it cannot be written, for instance because the disk is full.
        """
        import pyarrow

        sink = pyarrow.BufferOutputStream()
        options = pyarrow.ipc.IpcWriteOptions(compression="lz4" if pyarrow.Codec.is_available("lz4") else None)
        with pyarrow.ipc.new_stream(sink, batch.schema, options=options) as stream:
            stream.write_batch(batch)
        left = memoryview(sink.getvalue())
        size = len(left)
        with written(self.folder):
            self._file.seek(self._end)
            while left:  # a disk that is nearly full takes a part
                left = left[self._file.write(left) :]
        self._spans.append((self._end, size))
        self.rows.append(batch.num_rows)
        self._end += size

    def read(self, index: int, names: Sequence[str] | None = None) -> pyarrow.RecordBatch:
        """Return a batch.

        Args:
            index: which one.
            names: the columns to read, in any order; None: all.
        """
        import pyarrow

        begin, size = self._spans[index]
        self._file.seek(begin)
        content = self._file.read(size)
        fields = None
        if names is not None:
            schema = pyarrow.ipc.open_stream(content).schema
            fields = sorted(schema.get_field_index(name) for name in names)
        options = pyarrow.ipc.IpcReadOptions(included_fields=fields)
        return pyarrow.ipc.open_stream(content, options=options).read_next_batch()

    def __getstate__(self) -> None:
        raise TypeError("a temporary file belongs to one process: a table is pickled with its rows")


def _close(file: BinaryIO) -> None:
    with suppress(OSError):
        file.close()
