"""Batches as rows of a source, not yet looked up: what a frozen part computes from them is remembered per sample.

A device is still charged what its algorithm does; only the simulator saves the work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor

REMEMBER_BYTES = 2 * 2**30
"""Of one model's frozen parts, over all sources, so much is remembered: first come, first served."""
WORTH_FLOPS_PER_BYTE = 100
"""Features are remembered if computing them takes at least this much: a look-up is not free either."""


class Source(Protocol):
    """Samples in rows, all of one shape."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    is_meta: bool

    def __len__(self) -> int: ...

    def rows(self, index: Tensor) -> Tensor: ...


class LazyBatch:
    """LazyBatch ``index`` of a source; behaves as a tensor where only sizes matter, and ``tensor()`` looks them up."""

    __slots__ = ("index", "source")

    def __init__(self, source: Source, index: Tensor) -> None:
        self.source, self.index = source, index

    @property
    def shape(self) -> torch.Size:
        return torch.Size((*self.index.shape, *self.source.shape))

    @property
    def dtype(self) -> torch.dtype:
        return self.source.dtype

    @property
    def is_meta(self) -> bool:
        return self.source.is_meta

    def numel(self) -> int:
        return self.shape.numel()

    def element_size(self) -> int:
        return self.source.dtype.itemsize

    def tensor(self) -> Tensor:
        return self.source.rows(self.index)


class Budget:
    """Bytes of memory for all that one model remembers."""

    def __init__(self) -> None:
        self.left = REMEMBER_BYTES

    def take(self, nbytes: int) -> bool:
        """Whether there was room for so much; then it is taken for good."""
        if nbytes > self.left:
            return False
        self.left -= nbytes
        return True


class CachedFeatures:
    """What a frozen function makes of a source: a source itself, computed on demand, each row once where it pays.

    ``held`` keeps alive what the function stands on, so that nothing is mistaken for it. ``budget``: of what is
    remembered; where none is said, that of the source.
    """

    is_meta = False

    def __init__(
        self,
        source: Source,
        function: Callable[[Tensor], Tensor],
        shape: tuple[int, ...],
        dtype: torch.dtype,
        flops: int,
        held: Sequence[Any] = (),
        budget: Budget | None = None,
    ) -> None:
        self.source, self.function, self.shape, self.dtype, self.held = source, function, shape, dtype, held
        self.flops = flops
        self.budget: Budget = budget or getattr(source, "budget", None) or Budget()
        self._seen: Tensor | None = None
        self._values: Tensor | None = None

    def __len__(self) -> int:
        return len(self.source)

    @cached_property
    def remembers(self) -> bool:
        """Whether rows cost more to compute than to look up, and all fit; settled when the first are asked for."""
        size = torch.Size(self.shape).numel() * self.dtype.itemsize
        return self.total_flops >= WORTH_FLOPS_PER_BYTE * size and self.budget.take(len(self) * size)

    @property
    def total_flops(self) -> int:
        """FLOPs from the data themselves to a row of this source."""
        return self.flops + getattr(self.source, "total_flops", 0)

    def rows(self, index: Tensor) -> Tensor:
        with torch.inference_mode(False), torch.no_grad():  # what evaluation remembers, training may use
            if not self.remembers:
                return self._compute(index)
            if self._seen is None:
                self._seen = torch.zeros(len(self), dtype=torch.bool, device=index.device)
            new = index[~self._seen[index]]
            if len(new):
                values = self._compute(new)
                if self._values is None:
                    self._values = values.new_empty((len(self), *values.shape[1:]))
                self._values[new] = values
                self._seen[new] = True
            assert self._values is not None
            return self._values[index]

    def _compute(self, index: Tensor) -> Tensor:
        source = self.source
        return self.function(source._compute(index) if isinstance(source, CachedFeatures) else source.rows(index))


class Rounded(CachedFeatures):
    """A source as a wire of a smaller type hands it over: rounded, and cast back."""

    def __init__(self, source: Source, dtype: torch.dtype) -> None:
        super().__init__(source, lambda values: values.to(dtype).to(torch.float32), source.shape, torch.float32, 0)
