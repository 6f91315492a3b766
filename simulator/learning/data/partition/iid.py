"""A partition into random shards of equal size."""

from typing import ClassVar

import numpy as np

from simulator.learning.data.partition.base import Partition


class Iid(Partition):
    """All samples are partitioned at random, into shards whose sizes differ by one at most."""

    name: ClassVar[str] = "iid"

    def split(self, labels: np.ndarray, clients: int, rng: np.random.Generator) -> list[np.ndarray]:
        if clients > len(labels):
            raise ValueError(f"{len(labels)} samples do not suffice for {clients} clients: each needs at least one")
        return [np.sort(shard) for shard in np.array_split(rng.permutation(len(labels)), clients)]
