"""Lazy batches, which are rows of a source that have not been looked up, and cached features of frozen stages.

The cache saves real time only. Devices are still charged for all that their algorithm computes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor

REMEMBER_BYTES = 2 * 2**30
"""The size of the cache of one model, over all sources, in bytes: first come, first served."""
WORTH_FLOPS_PER_BYTE = 100
"""Features are cached if they take at least this many FLOPs per byte to compute, for a look-up is not free either."""


class Source(Protocol):
    """Samples in rows; its length is the number of samples.

    Attributes:
        shape: the shape of one sample; where samples are ragged, the largest.
        ragged: whether samples are padded to the longest one of a batch only, along the first dimension of their shape.
        dtype: the type of the samples that are looked up.
        is_meta: whether this is a dry run.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    is_meta: bool
    ragged: bool

    def __len__(self) -> int: ...

    def shape_of(self, index: Tensor) -> tuple[int, ...]:
        """Return the shape that each of some samples has in a batch of them."""

    def rows(self, index: Tensor) -> Tensor:
        """Look up samples: [len(index), *shape_of(index)]."""


class LazyBatch:
    """The rows ``index`` of a source, which ``tensor()`` looks up; as long as only sizes matter, it acts as a tensor.

    Attributes:
        source: the source.
        index: the rows, int64 [N].
    """

    __slots__ = ("_shape", "index", "source")

    def __init__(self, source: Source, index: Tensor) -> None:
        self.source, self.index = source, index
        self._shape: torch.Size | None = None

    @property
    def shape(self) -> torch.Size:
        """The shape that the looked-up batch has, [N, ...]."""
        if self._shape is None:
            self._shape = torch.Size((*self.index.shape, *self.source.shape_of(self.index)))
        return self._shape

    @property
    def dtype(self) -> torch.dtype:
        """The type that the looked-up batch has."""
        return self.source.dtype

    @property
    def is_meta(self) -> bool:
        """Whether this is a dry run."""
        return self.source.is_meta

    def numel(self) -> int:
        """Return the number of elements, as of a tensor."""
        return self.shape.numel()

    def element_size(self) -> int:
        """Return the bytes of one element, as of a tensor."""
        return self.source.dtype.itemsize

    def tensor(self) -> Tensor:
        """Look up the rows, [N, ...]."""
        return self.source.rows(self.index)


class Budget:
    """The memory for all that is cached for one model.

    Attributes:
        left: the bytes that are still free.
    """

    def __init__(self) -> None:
        self.left = REMEMBER_BYTES

    def take(self, nbytes: int) -> bool:
        """Reserve memory for good, and return True; if there is not enough left, reserve none and return False."""
        if nbytes > self.left:
            return False
        self.left -= nbytes
        return True


class CachedFeatures:
    """The features that a frozen function computes from a source; a source itself.

    Rows are computed on demand. Where it pays, each is computed once and then cached.

    Args:
        source: the samples.
        function: computes features from a batch of samples.
        shape: the shape of the features of one sample.
        dtype: the type of the features.
        flops: the FLOPs of the function for one sample.
        held: objects that must stay alive as long as the cache, so that no other object gets their ``id``.
        budget: the memory for what is cached; None: that of the source, or a new one.

    Attributes:
        source, function, shape, dtype, flops, held, budget: as given.
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
        self.flops, self.ragged = flops, source.ragged
        self.budget: Budget = budget or getattr(source, "budget", None) or Budget()
        self._groups: list[Tensor] = []  # the rows that were computed together and cached
        self._seen: Tensor | None = None
        self._values: Tensor | None = None
        self._recalled: list[Tensor] = []
        self._group_of: Tensor | None = None  # by row, the index in ``_recalled``; -1: none

    def __len__(self) -> int:
        return len(self.source)

    @cached_property
    def remembers(self) -> bool:
        """Whether rows are cached: they cost more to compute than to look up, and all fit; decided at first use."""
        size = torch.Size(self.shape).numel() * self.dtype.itemsize
        return self.total_flops >= WORTH_FLOPS_PER_BYTE * size and self.budget.take(len(self) * size)

    @property
    def total_flops(self) -> int:
        """The FLOPs from the original data to one row of this source."""
        return self.flops + getattr(self.source, "total_flops", 0)

    def shape_of(self, index: Tensor) -> tuple[int, ...]:
        if not self.ragged:
            return self.shape
        added = self.shape[0] - self.source.shape[0]  # prompts
        return (self.source.shape_of(index)[0] + added, *self.shape[1:])

    def rows(self, index: Tensor) -> Tensor:
        """Look up or compute the features of some samples: [len(index), *shape_of(index)], for ``index`` int64."""
        with torch.inference_mode(False), torch.no_grad():  # training may use what an evaluation cached
            if not self.remembers:
                return self._compute(index)
            if self._seen is None:
                self._seen = torch.zeros(len(self), dtype=torch.bool, device=index.device)
            if self._group_of is not None:
                for number in self._group_of[index].unique().tolist():
                    if number >= 0:
                        self._add(self._recalled[number], self._seen)
                        self._group_of[self._recalled[number]] = -1
            new = index[~self._seen[index]]
            if len(new):
                self._add(new, self._seen)
            assert self._values is not None
            values = self._values[index]
            return values[:, : self.shape_of(index)[0]] if self.ragged else values

    @property
    def groups(self) -> list[Tensor]:
        """The rows that were computed together and cached, here or in an earlier process: int64 [N] each."""
        group_of = self._group_of
        pending = [] if group_of is None else group_of[group_of >= 0].unique().tolist()
        return [*self._groups, *(self._recalled[number] for number in pending)]

    def recall(self, groups: Sequence[Tensor]) -> None:
        """Compute rows together that were computed together in an earlier process, when one of them is needed.

        In another batch, the last digits of a row may be others.

        Args:
            groups: the rows, as in ``groups``; none of them has been computed here.
        """
        if groups:
            self._recalled = list(groups)
            self._group_of = torch.full((len(self),), -1, device=groups[0].device)
            for number, group in enumerate(groups):
                self._group_of[group] = number

    def _add(self, rows: Tensor, seen: Tensor) -> None:
        """Compute rows, and cache them."""
        values = self._compute(rows)
        if self._values is None:
            self._values = values.new_zeros((len(self), *self.shape))  # zeros are padding
        if self.ragged:
            self._values[rows, : values.shape[1]] = values
        else:
            self._values[rows] = values
        seen[rows] = True
        self._groups.append(rows)

    def _compute(self, index: Tensor) -> Tensor:
        """Compute features from the original data; no cache is used, not even that of the source."""
        source = self.source
        return self.function(source._compute(index) if isinstance(source, CachedFeatures) else source.rows(index))


class Rounded(CachedFeatures):
    """A source as it arrives over a link with a smaller ``wire_dtype``: rounded, and cast back to float32."""

    def __init__(self, source: Source, dtype: torch.dtype) -> None:
        super().__init__(source, lambda values: values.to(dtype).to(torch.float32), source.shape, torch.float32, 0)
