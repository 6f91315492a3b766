"""Images held once, shards that are rows of them, and batches in an order of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from simulator.learning.rows import Rows
from simulator.seeds import Key, Seeds

Statistics = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation of each channel, of values in [0, 1]."""


class Images:
    """A data set in memory: pixels as uint8 [N, C, H, W], normalised when they are looked up; labels int64 [N].

    ``dry``: only shapes and labels matter, and ``rows`` gives tensors on ``meta``.
    """

    dtype = torch.float32

    def __init__(self, pixels: Tensor, labels: Tensor, statistics: Statistics, dry: bool = False) -> None:
        mean, deviation = (torch.tensor(values).view(-1, 1, 1) for values in statistics)
        self.pixels, self.labels, self.is_meta = pixels, labels, dry
        self.shape = tuple(pixels.shape[1:])
        self._scale, self._shift = 1 / (255 * deviation), -mean / deviation

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> Images:
        """Move everything to where it is computed with."""
        self.pixels, self.labels = self.pixels.to(device), self.labels.to(device)
        self._scale, self._shift = self._scale.to(device), self._shift.to(device)
        return self

    def rows(self, index: Tensor) -> Tensor:
        """Normalised images [len(index), C, H, W], float32."""
        if self.is_meta:
            return torch.empty((len(index), *self.shape), device="meta")
        return self.pixels[index].float().mul_(self._scale).add_(self._shift)


class Batch(NamedTuple):
    """Images, not yet looked up, and their labels [N]."""

    x: Rows
    y: Tensor


class Shard:
    """The rows of a data set that one client has."""

    def __init__(self, images: Images, index: Tensor, batch_size: int, seeds: Seeds) -> None:
        self.images, self.index, self.batch_size, self.seeds = images, index, batch_size, seeds

    def __len__(self) -> int:
        return len(self.index)

    @property
    def labels(self) -> Tensor:
        return self.images.labels[self.index]

    def keep(self, positions: Tensor) -> Shard:
        """The part of this shard at these positions."""
        return Shard(self.images, self.index[positions.to(self.index.device)], self.batch_size, self.seeds)

    def choose(self, keep: str, fraction: float, scores: list[Tensor], key: tuple[Key, ...]) -> Tensor:
        """Positions in this shard of the samples to keep: floor(fraction x samples), at least one, in order.

        Args:
            keep: ``hardest`` (largest scores), ``easiest``, or ``random``.
            fraction: in (0, 1].
            scores: of all samples as they lie, in batches; unused for ``random``.
            key: of the random choice.
        """
        samples = len(self)
        wanted = max(1, int(samples * fraction))
        if keep == "random":
            chosen = torch.from_numpy(self.seeds.stream(*key).permutation(samples)[:wanted])
        elif scores[0].is_meta:  # dry: how many is known, and it does not matter which
            chosen = torch.arange(wanted)
        else:
            ranked = torch.cat(scores).argsort(descending=keep == "hardest", stable=True)
            chosen = ranked[:wanted]
        return chosen.sort().values

    def batches(self, key: tuple[Key, ...], epochs: int = 1) -> Iterator[Batch]:
        """Every sample once an epoch, shuffled anew by the key and the epoch; the last batch may be smaller."""
        for epoch in range(epochs):
            order = self.seeds.stream("batches", *key, epoch).permutation(len(self))
            yield from self._in_order(self.index[torch.from_numpy(order).to(self.index.device)])

    def in_order(self) -> Iterator[Batch]:
        """Every sample once, as they lie."""
        return self._in_order(self.index)

    def _in_order(self, index: Tensor) -> Iterator[Batch]:
        for rows in index.split(self.batch_size):
            yield Batch(Rows(self.images, rows), self.images.labels[rows])


def histogram(labels: Tensor, classes: int) -> np.ndarray:
    """How many samples of each class."""
    return np.bincount(labels.cpu().numpy(), minlength=classes)
