"""A partition into random shards of uneven size."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from simulator.learning.data.partition.base import REDRAWS, Partition, dealt, undealt
from simulator.settings.bounds import PositiveFactor, SampleCount


class QuantitySkew(Partition):
    """The sizes of shards are drawn from Dir(alpha), and all samples are partitioned at random whatever their class.

    The smaller `alpha`, the more sizes differ. Li et al., "Federated Learning on Non-IID Data Silos: An Experimental
    Study", ICDE 2022, arXiv 2102.02079, section IV.D.

    Attributes:
        alpha: the parameter of the Dirichlet distribution.
        min_samples: the samples that each client has at least; until that is so, sizes are drawn anew, in up to 100
            draws.
    """

    name: ClassVar[str] = "quantity_skew"
    alpha: PositiveFactor
    min_samples: SampleCount = 8

    def split(self, labels: np.ndarray, clients: int, rng: np.random.Generator) -> Sequence[np.ndarray]:
        for _ in range(REDRAWS if clients * self.min_samples <= len(labels) else 0):
            ends = np.round(np.cumsum(rng.dirichlet(np.full(clients, self.alpha))) * len(labels)).astype(int)
            if np.diff(ends, prepend=0).min() >= self.min_samples:
                return dealt(rng.permutation(len(labels)), ends)
        raise undealt(len(labels), clients, self.min_samples, self.alpha)
