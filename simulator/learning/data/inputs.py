"""What all samples in memory have in common: images, or texts as tokens."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor


class Inputs:
    """Samples in memory, as the first stage of a model takes them, with what is to be predicted.

    Args:
        labels: the class of each sample, int64 [N]; or a ``Pool``, in the place of such a tensor.
        dry: whether only shapes and labels matter; ``rows`` then returns tensors on ``meta``.
        file_bytes: returns the size in bytes of each sample as it is stored on a device, int64 [N], or one for all;
            called at most once.

    Attributes:
        labels: as given; by them data are partitioned.
        is_meta: whether this is a dry run.
        shape: the shape of a sample that is looked up; of a ragged one, the largest shape.
        dtype: the type of the samples that are looked up.
        ragged: whether the shape of a batch depends on its samples.
        plans: the batches of a dry run that have been made, by the number of samples and the size of a batch; see
            ``data.shards``.
        within: makes the context in which files are read later, such as one that says where they were named.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    ragged: bool = False
    within: Callable[[], AbstractContextManager[None]] = staticmethod(nullcontext)

    def __init__(self, labels: Tensor, dry: bool, file_bytes: Callable[[], Any]) -> None:
        self.labels, self.is_meta, self._file_bytes = labels, dry, file_bytes
        self.plans: dict[tuple[int, int], Any] = {}

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def file_bytes(self) -> Tensor:
        """The size in bytes of each sample as it is stored on a device: int64 [N], always on the CPU."""
        with self.within():
            return torch.from_numpy(np.asarray(self._file_bytes(), dtype=np.int64)).expand(len(self))

    def shape_of(self, index: Tensor) -> tuple[int, ...]:
        """Return the shape that each of some samples has in a batch of them."""
        return self.shape

    def rows(self, index: Tensor) -> Tensor:
        """Look up samples: [len(index), *shape], for ``index`` int64."""
        raise NotImplementedError

    def targets(self, index: Tensor) -> Tensor:
        """Return what is to be predicted of some samples: by default their labels, int64 [len(index)]."""
        return self.labels[index]

    def blank(self) -> Inputs:
        """Return the same samples without values, as in a dry run."""
        raise NotImplementedError

    def to(self, device: torch.device) -> Self:
        """Move all tensors to a torch device, in place, and return these samples."""
        raise NotImplementedError
