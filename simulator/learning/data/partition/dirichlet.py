"""A partition with label skew from a Dirichlet prior."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from simulator.learning.data.assigned import ConsecutiveShards
from simulator.learning.data.partition.base import REDRAWS, Labels, Partition, undealt
from simulator.learning.data.pool import Pool, SkewedShards
from simulator.settings.bounds import PositiveFactor, SampleCount


class Dirichlet(Partition):
    """Each class is partitioned in proportions drawn from Dir(alpha), as is common in federated learning.

    The smaller `alpha`, the more clients differ in their classes and in their numbers of samples. Hsu et al.,
    "Measuring the Effects of Non-Identical Data Distribution for Federated Visual Classification", 2019, arXiv
    1909.06335, introduced the Dirichlet prior, there over the classes of a client; here, as in most code since, it is
    over the clients of a class, so that all samples are used. Where a population says how many samples each device
    has, it is over the classes of a client, as there; of a class of which no samples are left, nobody gets more.

    Attributes:
        alpha: the parameter of the Dirichlet distribution.
        min_samples: the samples that each client has at least; until that is so, proportions are drawn anew, in up to
            100 draws. Where a population says how many samples each device has, that holds instead.
    """

    name: ClassVar[str] = "dirichlet"
    alpha: PositiveFactor
    min_samples: SampleCount = 8

    def split(self, labels: np.ndarray, clients: int, rng: np.random.Generator) -> list[np.ndarray]:
        if clients * self.min_samples <= len(labels):
            for _ in range(REDRAWS):
                shards = self._draw(labels, clients, rng)
                if min(map(len, shards)) >= self.min_samples:
                    return shards
        raise undealt(len(labels), clients, self.min_samples, self.alpha)

    def split_by_sizes(self, labels: Labels, sizes: np.ndarray, rng: np.random.Generator) -> Sequence[np.ndarray]:
        if isinstance(labels, Pool):
            return SkewedShards(sizes, labels.classes, self.alpha, int(rng.integers(2**63)))
        by_class = [rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
        left = np.array([len(samples) for samples in by_class])
        order = []
        for size in sizes.tolist():
            counts = self._counts(size, left, rng)
            order += [samples[rest - count : rest] for samples, rest, count in zip(by_class, left, counts, strict=True)]
            left = left - counts
        return ConsecutiveShards(np.concatenate(order), sizes)

    def _counts(self, size: int, left: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw how many samples of each class a client has.

        Args:
            size: how many samples it has in all; no more than are left.
            left: how many of each class are left.
            rng: the source of randomness.
        """
        mix = rng.dirichlet(np.full(len(left), self.alpha))
        counts = np.zeros_like(left)
        while missing := size - int(counts.sum()):
            open_classes = counts < left
            weights = np.where(open_classes, mix, 0.0)
            if not weights.sum() > 0:  # what it was to have is used up
                weights = open_classes.astype(float)
            counts = np.minimum(counts + rng.multinomial(missing, weights / weights.sum()), left)
        return counts

    def _draw(self, labels: np.ndarray, clients: int, rng: np.random.Generator) -> list[np.ndarray]:
        shards: list[list[np.ndarray]] = [[] for _ in range(clients)]
        for label in np.unique(labels):
            samples = rng.permutation(np.flatnonzero(labels == label))
            shares = rng.dirichlet(np.full(clients, self.alpha))
            cuts = (np.cumsum(shares)[:-1] * len(samples)).astype(int)
            for shard, part in zip(shards, np.split(samples, cuts), strict=True):
                shard.append(part)
        return [np.sort(np.concatenate(parts)) for parts in shards]
