"""Columns of a table's chunk as NumPy arrays: numbers as they are, and texts as small numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.accounting.packing import packed

if TYPE_CHECKING:
    import pyarrow

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Mask = NDArray[np.bool_]


_FEW = 1000
"""Up to how many texts are looked up one by one."""

_MANY = 10_000
"""From how many texts on it takes much longer to hash them than to look up those of a chunk."""


class Names(dict[Any, int]):
    """Texts (or None) by number, in the order in which they were first met."""

    def __missing__(self, name: Any) -> int:
        self[name] = code = len(self)
        return code

    @property
    def names(self) -> list[Any]:
        """The texts, by their numbers."""
        return list(self)

    @property
    def ranks(self) -> Codes:
        """For each number, the place of its text in alphabetical order."""
        ranks = np.empty(len(self), np.int32)
        ranks[sorted(range(len(self)), key=self.names.__getitem__)] = np.arange(len(self))
        return ranks


class Numbers(Names):
    """Texts by number, of which very many are known beforehand.

    Args:
        names: these, each once; the first has number 0.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(zip(names, range(len(names)), strict=True))
        self._first = names

    @property
    def at_once(self) -> int:
        """How many chunks of a table are best looked up at once: for each, Arrow hashes all texts anew."""
        return 4 if len(self._first) > _MANY else 1

    @cached_property
    def value_set(self) -> pyarrow.Array:
        """The texts that were known beforehand, in order."""
        import pyarrow

        return packed(self._first, pyarrow.string())


def joined(chunks: list[tuple[Any, ...]]) -> Iterator[Any]:
    """Yield the columns of chunks, each in one piece; the chunks are given up one column after another.

    What Arrow has kept of the memory for reading them is given back before.
    """
    import pyarrow

    pyarrow.default_memory_pool().release_unused()
    columns = [list(column) for column in zip(*chunks, strict=True)]
    chunks.clear()
    columns.reverse()
    while columns:
        yield np.concatenate(columns.pop())


def floats(values: Any) -> Floats:
    """Return a column of numbers, given as a list or as an Arrow array, as an array of floats."""
    return np.asarray(values if isinstance(values, list) else values.to_numpy(zero_copy_only=False), np.float64)


def ints(values: Any) -> Any:
    """Return a column of whole numbers as an array of integers; of Python's where one of them exceeds 64 bits."""
    if not isinstance(values, list):
        return values.to_numpy(zero_copy_only=False)
    try:
        return np.array(values, np.int64)
    except OverflowError:
        return np.array(values, object)


def codes(values: Any, known: Mapping[Any, int]) -> Codes:
    """Return a column of texts as their numbers.

    Args:
        values: the column, as a list or as an Arrow array.
        known: the number of each text; ``Names`` gives one to each that is new.

    Raises:
        KeyError: a text has no number.
    """
    if isinstance(values, list):
        return np.fromiter(map(known.__getitem__, values), np.int32, len(values))
    encoded = values.dictionary_encode()
    numbers, places = _numbers(encoded.dictionary, known), encoded.indices
    if encoded.null_count:
        places = places.fill_null(len(numbers))
        numbers = np.append(numbers, np.int32(known[None]))
    return numbers[places.to_numpy(zero_copy_only=False)]


def _numbers(names: Any, known: Mapping[Any, int]) -> Codes:
    """Return the numbers of distinct texts; Arrow finds those of many at once."""
    if isinstance(known, Numbers) and len(names) > _FEW:
        from pyarrow import compute

        found = compute.index_in(names, value_set=known.value_set)
        if not found.null_count:
            numbers: Codes = found.to_numpy()
            return numbers
    return np.array([known[name] for name in names.to_pylist()], np.int32)
