"""JSON by columns: the text of thousands of events at once, from arrays of their values."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
import pyarrow
from pyarrow import compute

Column = Any
"""Text of each event (an Arrow array of strings), or text that all of them have (a string)."""


class Block(NamedTuple):
    """Events as JSON, one a line.

    Attributes:
        text: their text, without a comma at the end.
        events: how many there are.
    """

    text: str
    events: int


def plain(value: Any) -> str:
    """Return a single value as JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def strings(column: pyarrow.ChunkedArray | pyarrow.Array) -> pyarrow.StringArray:
    """Return a column of text in one piece, with nothing instead of nulls."""
    whole = column.combine_chunks() if isinstance(column, pyarrow.ChunkedArray) else column
    return compute.fill_null(whole.cast(pyarrow.string()), "")


def quoted(column: pyarrow.StringArray) -> pyarrow.StringArray:
    """Return text as JSON strings."""
    packed = column.dictionary_encode()
    return pyarrow.array(map(plain, packed.dictionary.to_pylist()), pyarrow.string()).take(packed.indices)


def whole(numbers: np.ndarray) -> pyarrow.StringArray:
    """Return whole numbers in digits."""
    return pyarrow.array(numbers.astype(np.int64)).cast(pyarrow.string())


def decimals(numbers: np.ndarray, digits: int) -> pyarrow.StringArray:
    """Return whole numbers, none of them negative, as decimal fractions of so many digits, without zeros at the end.

    >>> decimals(np.array([2500, 3000]), 3).to_pylist()
    ['2.5', '3']
    """
    if not digits:
        return whole(numbers)
    above, below = np.divmod(numbers, 10**digits)
    tail = compute.utf8_rtrim(compute.utf8_lpad(whole(below), digits, "0"), "0")
    return joined(whole(above), optional(below > 0, ".", tail))


def seconds(times: np.ndarray) -> pyarrow.StringArray:
    """Return times in seconds, rounded to nanoseconds."""
    return decimals(np.rint(times * 1e9), 9)


def floats(numbers: np.ndarray) -> pyarrow.StringArray:
    """Return numbers as JSON, each with as many digits as it needs."""
    return pyarrow.array(map(repr, numbers.tolist()), pyarrow.string())


def joined(*columns: Column) -> pyarrow.StringArray:
    """Return the text of columns, one after the other."""
    return compute.binary_join_element_wise(*columns, "")


def optional(where: np.ndarray, *columns: Column) -> pyarrow.StringArray:
    """Return the text of columns where a condition holds, and nothing elsewhere."""
    text = joined(*columns) if len(columns) > 1 else columns[0]
    return compute.if_else(pyarrow.array(where, pyarrow.bool_()), text, "")


def block(*columns: Column, events: int) -> Block:
    """Return the text of columns as lines; where they are several events each, `events` counts them."""
    return Block(",\n".join(filter(None, joined(*columns).to_pylist())), events)


def one(event: dict[str, Any]) -> Block:
    """Return a single event."""
    return Block(plain(event), 1)
