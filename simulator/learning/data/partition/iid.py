"""A partition into random shards of equal size."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from simulator.learning.data.assigned import ConsecutiveShards
from simulator.learning.data.partition.base import Labels, Partition
from simulator.learning.data.pool import MixedShards, Pool


class Iid(Partition):
    """All samples are partitioned at random, into shards whose sizes differ by one at most.

    Where a population says how many samples each device has, shards have these sizes, and further samples are not used.
    """

    name: ClassVar[str] = "iid"

    def split(self, labels: np.ndarray, clients: int, rng: np.random.Generator) -> Sequence[np.ndarray]:
        if clients > len(labels):
            raise ValueError(f"{len(labels)} samples do not suffice for {clients} clients: each needs at least one")
        each, more = divmod(len(labels), clients)
        return ConsecutiveShards(rng.permutation(len(labels)), each + (np.arange(clients) < more))

    def split_by_sizes(self, labels: Labels, sizes: np.ndarray, rng: np.random.Generator) -> Sequence[np.ndarray]:
        if isinstance(labels, Pool):
            return MixedShards(sizes, labels.classes, int(rng.integers(2**63)))
        return ConsecutiveShards(rng.permutation(len(labels)), sizes)
