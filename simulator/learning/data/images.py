"""Images held once, shards that are rows of them, and batches in an order of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from simulator.learning.data.augmentation import Augmentation
from simulator.learning.data.lazy import LazyBatch
from simulator.settings.seeds import Key, Seeds

Statistics = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation of each channel, of values in [0, 1]."""


class Images:
    """A data set in memory: pixels as uint8 [N, C, H, W], normalised when they are looked up; labels int64 [N].

    Args:
        statistics: of the channels, by which pixels are normalised.
        dry: only shapes and labels matter, and ``rows`` gives tensors on ``meta``.
        size: of what is looked up, ``size`` x ``size`` pixels; null: as they are kept. Smaller images are enlarged
            bilinearly, batch by batch: 50,000 of 32 x 32 take 154 MB whatever size the model wants.
        file_bytes: of each image, encoded as it lies on a device, int64 [N]; asked for once, if at all. Null: raw
            pixels.
    """

    dtype = torch.float32

    def __init__(
        self,
        pixels: Tensor,
        labels: Tensor,
        statistics: Statistics,
        dry: bool = False,
        size: int | None = None,
        file_bytes: Callable[[], np.ndarray] | None = None,
    ) -> None:
        mean, deviation = (torch.tensor(values).view(-1, 1, 1) for values in statistics)
        self.pixels, self.labels, self.is_meta = pixels, labels, dry
        self.shape = (pixels.shape[1], *((size, size) if size else pixels.shape[2:]))
        self._scale, self._shift = 1 / (255 * deviation), -mean / deviation
        self._file_bytes = file_bytes or (lambda: np.full(len(labels), pixels.shape[1:].numel()))

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def file_bytes(self) -> Tensor:
        """Of each image, encoded as it lies on a device: int64 [N], in the machine's own memory."""
        return torch.from_numpy(np.asarray(self._file_bytes(), dtype=np.int64))

    def to(self, device: torch.device) -> Images:
        """Move everything to where it is computed with."""
        self.pixels, self.labels = self.pixels.to(device), self.labels.to(device)
        self._scale, self._shift = self._scale.to(device), self._shift.to(device)
        return self

    def rows(self, index: Tensor) -> Tensor:
        """Normalised images [len(index), *shape], float32."""
        if self.is_meta:
            return torch.empty((len(index), *self.shape), device="meta")
        images = self.pixels[index].float()
        if images.shape[1:] != self.shape:
            images = interpolate(images, size=self.shape[1:], mode="bilinear", align_corners=False)
        return images.mul_(self._scale).add_(self._shift)


class Batch(NamedTuple):
    """Images, not yet looked up where they are plain, and their labels [N]."""

    x: LazyBatch | Tensor
    y: Tensor


class Shard:
    """The rows of a data set that one client has, and how they are changed while they are trained with."""

    def __init__(
        self,
        images: Images,
        index: Tensor,
        batch_size: int,
        seeds: Seeds,
        augmentation: Augmentation | None = None,
    ) -> None:
        self.images, self.index, self.batch_size, self.seeds = images, index, batch_size, seeds
        self.augmentation = augmentation

    def __len__(self) -> int:
        return len(self.index)

    @property
    def labels(self) -> Tensor:
        return self.images.labels[self.index]

    @property
    def file_bytes(self) -> int:
        """Of all its images together, encoded as they lie on the device."""
        return int(self.images.file_bytes[self.index.cpu()].sum())

    def keep(self, positions: Tensor) -> Shard:
        """The part of this shard at these positions."""
        index = self.index[positions.to(self.index.device)]
        return Shard(self.images, index, self.batch_size, self.seeds, self.augmentation)

    def choose(self, keep: str, fraction: float, scores: list[Tensor], key: tuple[Key, ...]) -> Tensor:
        """Positions in this shard of the samples to keep: floor(fraction x samples), at least one, in order.

        Args:
            keep: ``hardest`` (largest scores), ``easiest``, or ``random``.
            fraction: in (0, 1].
            scores: of all samples as they lie, in batches; unused for ``random``.
            key: of the random choice.
        """
        samples = len(self)
        wanted = max(1, int(samples * Fraction(str(fraction))))  # 100 x 0.29 is 29, not 28.999...
        if keep == "random":
            chosen = torch.from_numpy(self.seeds.stream(*key).permutation(samples)[:wanted])
        elif scores[0].is_meta:  # dry: how many is known, and it does not matter which
            chosen = torch.arange(wanted)
        else:
            ranked = torch.cat(scores).argsort(descending=keep == "hardest", stable=True)
            chosen = ranked[:wanted]
        return chosen.sort().values

    def batches(self, key: tuple[Key, ...], epochs: int = 1, samples: int | None = None) -> Iterator[Batch]:
        """Every sample once an epoch, shuffled anew by the key and the epoch; the last batch may be smaller.

        ``samples``: an epoch is over after so many of them, which are drawn anew for each.

        Where images are augmented, it is by a random stream of the same key, when their batch is due; such a batch is
        a plain tensor, not rows of a source, so nothing that is computed of it is remembered.
        """
        for epoch in range(epochs):
            order = self.seeds.stream("batches", *key, epoch).permutation(len(self))[:samples]
            index = self.index[torch.from_numpy(order).to(self.index.device)]
            if self.augmentation is None or self.images.is_meta:
                yield from self._plain(index)
                continue
            random = self.seeds.stream("augmentation", *key, epoch)
            for rows in index.split(self.batch_size):
                yield Batch(self.augmentation.apply(self.images.rows(rows), random), self.images.labels[rows])

    def in_order(self) -> Iterator[Batch]:
        """Every sample once, as they lie and as they are."""
        return self._plain(self.index)

    def _plain(self, index: Tensor) -> Iterator[Batch]:
        labels = self.images.labels[index]  # once, and then cut: a look-up for each batch would take longer
        for rows, own in zip(index.split(self.batch_size), labels.split(self.batch_size), strict=True):
            yield Batch(LazyBatch(self.images, rows), own)


def pooled(shards: Sequence[Shard]) -> Shard:
    """The samples of all these shards of the same images, one shard behind the other."""
    first = shards[0]
    index = torch.cat([shard.index for shard in shards])
    return Shard(first.images, index, first.batch_size, first.seeds, first.augmentation)


def histogram(labels: Tensor, classes: int) -> np.ndarray:
    """How many samples of each class."""
    return np.bincount(labels.cpu().numpy(), minlength=classes)
