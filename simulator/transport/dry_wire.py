"""The wire of a dry run: tensors have no values, so that receivers share them, and equal payloads are counted once."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from simulator.accounting.copy_on_write import CopyOnWrite, Entries, Known
from simulator.learning.data.lazy import LazyBatch
from simulator.transport.wire import NUMBER_BYTES, Wire


class DryWire(Wire):
    """A wire that hands over what it is given, in dicts, lists and tuples of the receiver's own.

    A dict of tensors is handed over as a ``CopyOnWrite``: whoever writes into it has a dict of its own from then on.
    """

    def __init__(self, dtype: str = "fp32") -> None:
        super().__init__(dtype)
        self._known = Known()
        self._sizes: dict[int, tuple[Entries, int]] = {}  # by id of the entries, which the value keeps alive

    def carry(self, payload: Any) -> tuple[Any, int]:
        if isinstance(payload, Tensor | LazyBatch):
            return payload, self._size(payload)
        if isinstance(payload, dict) and (entries := self._entries(payload)) is not None:
            return CopyOnWrite(entries), self._entries_size(entries)
        if isinstance(payload, dict):
            carried = {key: self.carry(value) for key, value in payload.items()}
            return {key: copy for key, (copy, _) in carried.items()}, sum(nbytes for _, nbytes in carried.values())
        if isinstance(payload, list | tuple):
            parts = [self.carry(value) for value in payload]
            copies = [copy for copy, _ in parts]
            return (tuple(copies) if isinstance(payload, tuple) else copies), sum(nbytes for _, nbytes in parts)
        if isinstance(payload, int | float):
            return payload, NUMBER_BYTES
        return super().carry(payload)  # which says what cannot be sent

    def _entries(self, payload: dict[str, Any]) -> Entries | None:
        """Return the entries of a dict of tensors without values; None if it has anything else."""
        if type(payload) is CopyOnWrite and payload.entries is not None:
            return payload.entries
        return self._known.of(payload) if all(map(_has_no_values, payload.values())) else None

    def _size(self, tensor: Tensor | LazyBatch) -> int:
        return tensor.numel() * self._travels_as(tensor.dtype).itemsize

    def _entries_size(self, entries: Entries) -> int:
        known = self._sizes.get(id(entries))
        if known is None:
            if len(self._sizes) >= 256:
                self._sizes.clear()
            known = self._sizes[id(entries)] = entries, sum(map(self._size, entries.tensors.values()))
        return known[1]


def _has_no_values(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_meta
