"""Values as columns of Arrow, without pandas: ``pyarrow.array`` imports it, which takes 40 MB while a trial runs."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow


def packed(values: Sequence[Any], kind: pyarrow.DataType) -> pyarrow.Array:
    """Return values of one type as an Arrow array.

    Args:
        values: texts or None, whole numbers, numbers or truth values.
        kind: the type: ``string``, ``int64``, ``float64`` or ``bool``.

    Raises:
        OverflowError: a whole number has more than 64 bits.
        TypeError: a value is of another type.
    """
    import pyarrow

    if pyarrow.types.is_string(kind):
        return _texts(values)
    if pyarrow.types.is_boolean(kind):
        content: Any = _bits(values)
    else:
        content = array("d" if pyarrow.types.is_floating(kind) else "q", values)
    return pyarrow.Array.from_buffers(kind, len(values), [None, pyarrow.py_buffer(content)])


def _texts(values: Sequence[str | None]) -> pyarrow.Array:
    import pyarrow

    there = None
    if None in values:
        there = pyarrow.py_buffer(_bits([value is not None for value in values]))
        values = [value or "" for value in values]
    whole: Any = "".join(values)  # type: ignore[arg-type]
    parts: Any = values if whole.isascii() else [value.encode() for value in values]  # type: ignore[union-attr]
    ends = array("i", accumulate(map(len, parts), initial=0))
    return pyarrow.Array.from_buffers(
        pyarrow.string(), len(values), [there, pyarrow.py_buffer(ends), pyarrow.py_buffer(whole.encode())]
    )


def _bits(values: Sequence[Any]) -> Any:
    """Return truth values as bits, from the least significant one of each byte on."""
    import numpy as np  # as pyarrow has done

    return np.packbits(np.array(values, np.bool_), bitorder="little")
