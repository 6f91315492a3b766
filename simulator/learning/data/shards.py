"""The shards of clients as rows of a data set in memory, and their batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from simulator.learning.data.assigned import Assigned
from simulator.learning.data.augmentation import Augmentation
from simulator.learning.data.inputs import Inputs
from simulator.learning.data.lazy import LazyBatch
from simulator.settings.seeds import Key, Seeds


class Batch(NamedTuple):
    """A batch of samples, with what is to be predicted.

    Attributes:
        x: the inputs, such as images [N, C, H, W]; a tensor where they were augmented, otherwise not looked up yet.
        y: what is to be predicted: the labels, int64 [N], or the next tokens, int64 [N, T].
    """

    x: LazyBatch | Tensor
    y: Tensor


class Shard:
    """The rows of a data set that one client has, and how they are augmented in training.

    In a dry run samples have no values. Unless they are ragged, shards with equally many then have the same batches: as
    many, of the same sizes, but of rows and labels that are not those of the shard.

    Args:
        inputs: the samples of all clients.
        index: the rows, int64 [N]; or which client's they are among the shards of all, which are then made each time
            that they are needed.
        batch_size: the number of samples in a batch.
        seeds: the random streams for shuffling, augmentation and pruning.
        augmentation: how images are augmented in training; None: not at all.
        chosen: the positions that pruning chose by scores, by the key of their random stream; None: none so far.

    """

    __slots__ = ("_chosen", "_rows", "augmentation", "batch_size", "inputs", "seeds")  # there may be very many

    def __init__(
        self,
        inputs: Inputs,
        index: Tensor | Assigned,
        batch_size: int,
        seeds: Seeds,
        augmentation: Augmentation | None = None,
        chosen: dict[tuple[Key, ...], Tensor] | None = None,
    ) -> None:
        self.inputs, self._rows, self.batch_size, self.seeds = inputs, index, batch_size, seeds
        self.augmentation, self._chosen = augmentation, chosen

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def chosen(self) -> dict[tuple[Key, ...], Tensor]:
        """What pruning chose, as given; only noted where the lengths of batches follow from it.

        Where scores have no values, the same is chosen again.
        """
        if self._chosen is None:
            self._chosen = {}
        return self._chosen

    @property
    def assigned(self) -> Assigned | None:
        """Which client's rows they are, among the shards of all."""
        return self._rows if isinstance(self._rows, Assigned) else None

    @property
    def index(self) -> Tensor:
        """The rows, int64 [N]."""
        if isinstance(self._rows, Assigned):
            return torch.from_numpy(self._rows.index()).to(self.inputs.labels.device)
        return self._rows

    @property
    def labels(self) -> Tensor:
        """The class of each sample of the shard, int64 [N]."""
        return self.inputs.labels[self.index]

    @property
    def file_bytes(self) -> int:
        """The size in bytes of all samples of the shard, as they are stored on the device."""
        return int(self.inputs.file_bytes[self.index.cpu()].sum())

    def keep(self, positions: Tensor) -> Shard:
        """Return a shard with the samples at these positions alone."""
        rows = self.index
        index = rows[positions.to(rows.device)]
        return Shard(self.inputs, index, self.batch_size, self.seeds, self.augmentation)

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
        if self._has_plan:  # it does not matter which samples are kept
            return torch.arange(count)
        if keep == "random":
            chosen = torch.from_numpy(self.seeds.stream(*key).permutation(samples)[:count])
        elif scores[0].is_meta:  # in a dry run, it does not matter which samples are kept
            chosen = self.chosen.get(key, torch.arange(count))
        else:
            ranked = torch.cat(scores).argsort(descending=keep == "hardest", stable=True)
            chosen = ranked[:count]
            if self.inputs.ragged:
                self.chosen[key] = chosen
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
        if self._has_plan:
            for _ in range(epochs):
                yield from self._plan(len(self) if samples is None else min(samples, len(self)))
            return
        rows = self.index
        for epoch in range(epochs):
            order = self.seeds.stream("batches", *key, epoch).permutation(len(self))[:samples]
            index = rows[torch.from_numpy(order).to(rows.device)]
            if self.augmentation is None or self.inputs.is_meta:
                yield from self._plain(index)
                continue
            random = self.seeds.stream("augmentation", *key, epoch)
            for part in index.split(self.batch_size):
                yield Batch(self.augmentation.apply(self.inputs.rows(part), random), self.inputs.targets(part))

    def in_order(self) -> Iterator[Batch]:
        """Yield every sample once, in the order of the shard, without augmentation."""
        return iter(self._plan(len(self))) if self._has_plan else self._plain(self.index)

    @property
    def shapes(self) -> tuple[int, int] | None:
        """What is equal for shards whose batches have equal shapes: how many samples it and a batch have.

        None if their shapes depend on which samples they are.
        """
        return (len(self), self.batch_size) if self._has_plan else None

    @property
    def _has_plan(self) -> bool:
        """Whether only the sizes of batches matter, which follow from the number of samples."""
        return self.inputs.is_meta and not self.inputs.ragged

    def _plan(self, samples: int) -> tuple[Batch, ...]:
        """Return the batches of so many samples; they are made once for all shards."""
        plans, key = self.inputs.plans, (samples, self.batch_size)
        if key not in plans:
            plans[key] = tuple(self._plain(torch.arange(samples, device=self.index.device) % len(self.inputs)))
        batches: tuple[Batch, ...] = plans[key]
        return batches

    def _plain(self, index: Tensor) -> Iterator[Batch]:
        if self.inputs.ragged:
            for rows in index.split(self.batch_size):
                yield Batch(LazyBatch(self.inputs, rows), self.inputs.targets(rows))
            return
        targets = self.inputs.targets(index)  # one look-up for all batches is faster than one for each
        for rows, batch_targets in zip(index.split(self.batch_size), targets.split(self.batch_size), strict=True):
            yield Batch(LazyBatch(self.inputs, rows), batch_targets)


def pooled(shards: Sequence[Shard]) -> Shard:
    """Concatenate the shards of several clients, which must be of the same inputs."""
    first = shards[0]
    index = torch.cat([shard.index for shard in shards])
    return Shard(first.inputs, index, first.batch_size, first.seeds, first.augmentation)


def histogram(labels: Tensor, classes: int) -> np.ndarray:
    """Return the number of samples of each class, int64 [classes]."""
    return np.bincount(labels.cpu().numpy(), minlength=classes)
