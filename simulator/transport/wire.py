"""The wire: it counts a payload, converts it to the wire's type, and hands over a detached copy."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from simulator.accounting.payload import Frozen
from simulator.learning.data.lazy import LazyBatch, Rounded, Source
from simulator.learning.trees import transform

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
NUMBER_BYTES = 8


class Wire:
    """What hands over detached copies of payloads and counts their bytes.

    Floating tensors travel as ``dtype``, or as they are if they are as narrow or narrower (because they were encoded).
    The receiver computes with the values that arrive, as float32. Integer tensors (such as labels) are never converted.
    A Python number counts 8 bytes.

    Attributes:
        dtype: torch's type of floating tensors on the wire.
    """

    def __init__(self, dtype: str = "fp32") -> None:
        self.dtype = DTYPES[dtype]
        self._rounded: dict[int, tuple[Source, Rounded]] = {}
        self._frozen: dict[int, tuple[Tensor, Tensor]] = {}  # by id of the first tensor, which the value keeps alive

    def carry(self, payload: Any) -> tuple[Any, int]:
        """Return the receiver's own copy of a payload, and its bytes on the wire.

        Raises:
            TypeError: a leaf is neither a tensor nor a number.
        """
        total = 0
        frozen = isinstance(payload, Frozen)

        def leaf(value: Any) -> Any:
            nonlocal total
            if isinstance(value, Tensor | LazyBatch):
                total += value.numel() * self._travels_as(value.dtype).itemsize
                return self._share(value) if frozen and isinstance(value, Tensor) else self._copy(value)
            if isinstance(value, int | float):
                total += NUMBER_BYTES
                return value
            raise TypeError(f"cannot send a {type(value).__name__}: only tensors and numbers have a size on a wire")

        return transform(leaf, payload), total

    def _travels_as(self, dtype: torch.dtype) -> torch.dtype:
        """Return the type of a tensor on the wire: never a wider one, and for integers their own."""
        return self.dtype if dtype.is_floating_point and dtype.itemsize > self.dtype.itemsize else dtype

    def _copy(self, value: Tensor | LazyBatch) -> Tensor | LazyBatch:
        """Return the receiver's own copy of a tensor, rounded as the wire rounds it."""
        if value.is_meta:
            return value
        if isinstance(value, LazyBatch):
            return LazyBatch(self._round(value.source), value.index)
        if not value.is_floating_point():
            return value.detach().clone()
        dtype = self._travels_as(value.dtype)
        if dtype == torch.float32:
            return value.detach().to(torch.float32, copy=True)
        return value.detach().to(dtype).to(torch.float32)

    def _share(self, value: Tensor) -> Tensor:
        """Return one copy of a frozen tensor for all receivers; the tensor itself if the wire does not change it."""
        if value.is_meta or value.dtype == self.dtype == torch.float32 or not value.is_floating_point():
            return value
        if id(value) not in self._frozen:
            self._frozen[id(value)] = value, value.detach().to(self._travels_as(value.dtype)).to(torch.float32)
        return self._frozen[id(value)][1]

    def _round(self, source: Source) -> Source:
        """Return a source of samples whose values are rounded as the wire rounds them."""
        dtype = self._travels_as(source.dtype)
        if dtype == source.dtype == torch.float32 or not source.dtype.is_floating_point:
            return source
        if id(source) not in self._rounded:
            self._rounded[id(source)] = source, Rounded(source, dtype)
        return self._rounded[id(source)][1]
