"""A data set in memory, the shards of clients as rows of it, and their batches."""

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
"""The mean and the standard deviation of each channel, for values in [0, 1]."""


class Images:
    """A data set in memory; pixels are normalised when they are looked up.

    Args:
        pixels: uint8 [N, C, H, W].
        labels: int64 [N].
        statistics: the mean and standard deviation of each channel, by which pixels are normalised.
        dry: whether only shapes and labels matter; ``rows`` then returns tensors on ``meta``.
        size: the width and height of the images that are looked up, in pixels; None: as they are stored. Smaller images
            are enlarged bilinearly, batch by batch, so that 50,000 images of 32 x 32 take 154 MB whatever the model
            needs.
        file_bytes: returns the size in bytes of each image, encoded as it is stored on a device, int64 [N]; called at
            most once. None: the size of raw pixels.

    Attributes:
        pixels, labels: as given.
        is_meta: whether this is a dry run.
        shape: the shape of an image that is looked up, (C, H, W).
        dtype: the type of the images that are looked up.
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
        """The size in bytes of each image, encoded as it is stored on a device: int64 [N], always on the CPU."""
        return torch.from_numpy(np.asarray(self._file_bytes(), dtype=np.int64))

    def to(self, device: torch.device) -> Images:
        """Move pixels, labels and statistics to a torch device, in place, and return this data set."""
        self.pixels, self.labels = self.pixels.to(device), self.labels.to(device)
        self._scale, self._shift = self._scale.to(device), self._shift.to(device)
        return self

    def rows(self, index: Tensor) -> Tensor:
        """Look up images: normalised, float32 [len(index), *shape], for ``index`` int64."""
        if self.is_meta:
            return torch.empty((len(index), *self.shape), device="meta")
        images = self.pixels[index].float()
        if images.shape[1:] != self.shape:
            images = interpolate(images, size=self.shape[1:], mode="bilinear", align_corners=False)
        return images.mul_(self._scale).add_(self._shift)


class Batch(NamedTuple):
    """A batch of images with labels.

    Attributes:
        x: the images [N, C, H, W]; a tensor where they were augmented, otherwise not looked up yet.
        y: the labels, int64 [N].
    """

    x: LazyBatch | Tensor
    y: Tensor


class Shard:
    """The rows of a data set that one client has, and how they are augmented in training.

    Args:
        images: the data set.
        index: the rows, int64 [N].
        batch_size: the number of samples in a batch.
        seeds: the random streams for shuffling, augmentation and pruning.
        augmentation: how images are augmented in training; None: not at all.
    """

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
        """The labels of the shard, int64 [N]."""
        return self.images.labels[self.index]

    @property
    def file_bytes(self) -> int:
        """The size in bytes of all images of the shard, encoded as they are stored on the device."""
        return int(self.images.file_bytes[self.index.cpu()].sum())

    def keep(self, positions: Tensor) -> Shard:
        """Return a shard with the samples at these positions alone."""
        index = self.index[positions.to(self.index.device)]
        return Shard(self.images, index, self.batch_size, self.seeds, self.augmentation)

    def choose(self, keep: str, fraction: float, scores: list[Tensor], key: tuple[Key, ...]) -> Tensor:
        """Choose the samples that pruning keeps: floor(fraction x samples) of them, at least one.

        Args:
            keep: ``hardest`` (largest scores), ``easiest`` (smallest scores) or ``random``.
            fraction: the share to keep, in (0, 1].
            scores: the scores of all samples in the order of the shard, in batches; not used for ``random``.
            key: the key of the random stream.

        Returns:
            Their positions in the shard, int64, ascending.
        """
        samples = len(self)
        count = max(1, int(samples * Fraction(str(fraction))))  # 100 x 0.29 is 29, not 28.999...
        if keep == "random":
            chosen = torch.from_numpy(self.seeds.stream(*key).permutation(samples)[:count])
        elif scores[0].is_meta:  # in a dry run, it does not matter which samples are kept
            chosen = torch.arange(count)
        else:
            ranked = torch.cat(scores).argsort(descending=keep == "hardest", stable=True)
            chosen = ranked[:count]
        return chosen.sort().values

    def batches(self, key: tuple[Key, ...], epochs: int = 1, samples: int | None = None) -> Iterator[Batch]:
        """Yield the batches of some epochs, each of which has every sample once; the last batch may be smaller.

        Augmented images are made when their batch is due. Such a batch is a plain tensor and not rows of a source, so
        nothing that is computed from it is cached.

        Args:
            key: the key of the random streams; with the epoch, it fixes the order of the samples and the augmentation.
            epochs: the number of epochs.
            samples: if given, an epoch has only this many samples, drawn anew for each epoch without replacement.
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
        """Yield every sample once, in the order of the shard, without augmentation."""
        return self._plain(self.index)

    def _plain(self, index: Tensor) -> Iterator[Batch]:
        labels = self.images.labels[index]  # one look-up for all batches is faster than one for each
        for rows, batch_labels in zip(index.split(self.batch_size), labels.split(self.batch_size), strict=True):
            yield Batch(LazyBatch(self.images, rows), batch_labels)


def pooled(shards: Sequence[Shard]) -> Shard:
    """Concatenate the shards of several clients, which must be of the same images."""
    first = shards[0]
    index = torch.cat([shard.index for shard in shards])
    return Shard(first.images, index, first.batch_size, first.seeds, first.augmentation)


def histogram(labels: Tensor, classes: int) -> np.ndarray:
    """Return the number of samples of each class, int64 [classes]."""
    return np.bincount(labels.cpu().numpy(), minlength=classes)
