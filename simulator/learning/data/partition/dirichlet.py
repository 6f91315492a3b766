"""A partition with label skew from a Dirichlet prior."""

from typing import ClassVar

import numpy as np

from simulator.learning.data.partition.base import REDRAWS, Partition, undealt
from simulator.settings.bounds import PositiveFactor, SampleCount


class Dirichlet(Partition):
    """Each class is partitioned in proportions drawn from Dir(alpha), as is common in federated learning.

    The smaller `alpha`, the more clients differ in their classes and in their numbers of samples. Hsu et al.,
    "Measuring the Effects of Non-Identical Data Distribution for Federated Visual Classification", 2019, arXiv
    1909.06335, introduced the Dirichlet prior, there over the classes of a client; here, as in most code since, it is
    over the clients of a class, so that all samples are used.

    Attributes:
        alpha: the parameter of the Dirichlet distribution.
        min_samples: the samples that each client has at least; until that is so, proportions are drawn anew, in up to
            100 draws.
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

    def _draw(self, labels: np.ndarray, clients: int, rng: np.random.Generator) -> list[np.ndarray]:
        shards: list[list[np.ndarray]] = [[] for _ in range(clients)]
        for label in np.unique(labels):
            samples = rng.permutation(np.flatnonzero(labels == label))
            shares = rng.dirichlet(np.full(clients, self.alpha))
            cuts = (np.cumsum(shares)[:-1] * len(samples)).astype(int)
            for shard, part in zip(shards, np.split(samples, cuts), strict=True):
                shard.append(part)
        return [np.sort(np.concatenate(parts)) for parts in shards]
