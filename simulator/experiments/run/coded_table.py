"""Tables of many rows whose cells repeat, in columns, and the lines of their CSV files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

ENCODING, ERRORS = "utf-8", "backslashreplace"
"""How texts are written: half of a character, which no file can have, as its number."""
_FEW = 8_192
"""Up to how many lines need no Arrow, whose import takes longer."""
_AT_ONCE = 65_536
"""How many lines are held at once."""


class Cells(NamedTuple):
    """Neighbouring cells of a table that always occur together.

    Attributes:
        values: the distinct ones, each with a value for each of its columns.
        codes: for each row, which of ``values`` it has, integers [rows].
    """

    values: Sequence[tuple[Any, ...]]
    codes: np.ndarray


@dataclass(frozen=True)
class CodedTable:
    """A table in which each combination of cells is held, and made a text, only once, however often it occurs.

    Attributes:
        columns: the names of the columns.
        cells: their cells, from left to right.
    """

    columns: tuple[str, ...]
    cells: tuple[Cells, ...]

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """All rows, with a value for each column; slow where there are many."""
        columns = [[values[code] for code in codes.tolist()] for values, codes in self.cells]
        return [sum(parts, ()) for parts in zip(*columns, strict=True)]

    def encoded(self, texts: Callable[[Sequence[Any]], Iterable[str]]) -> Iterator[Any]:
        """Yield the lines of a CSV file as bytes, some at a time.

        Args:
            texts: returns the cells of a column as they are written.
        """
        last = len(self.cells) - 1
        parts = [
            [
                (",".join(cells) + (",\n"[at == last])).encode(ENCODING, ERRORS)
                for cells in zip(*map(texts, zip(*values, strict=True)), strict=True)
            ]
            for at, (values, _) in enumerate(self.cells)
        ]
        if len(self.cells[0].codes) > _FEW:
            yield from _joined(parts, [codes for _, codes in self.cells])
            return
        columns = (map(own.__getitem__, codes.tolist()) for own, (_, codes) in zip(parts, self.cells, strict=True))
        yield b"".join(map(b"".join, zip(*columns, strict=True)))


def _joined(parts: Sequence[Sequence[bytes]], codes: Sequence[np.ndarray]) -> Iterator[memoryview]:
    """Yield lines, some at a time; Arrow joins them without an object for each.

    Args:
        parts: the parts of lines, from left to right: for each, its distinct values.
        codes: which of them each line has, integers [lines].
    """
    import pyarrow
    from pyarrow import compute

    arrays = [pyarrow.array(own, pyarrow.binary()) for own in parts]
    for first in range(0, len(codes[0]), _AT_ONCE):
        places = (pyarrow.array(own[first : first + _AT_ONCE]) for own in codes)
        lines = compute.binary_join_element_wise(*map(pyarrow.BinaryArray.take, arrays, places), b"")
        _, offsets, content = lines.buffers()
        yield memoryview(content)[: int(np.frombuffer(offsets, np.int32)[len(lines)])]
