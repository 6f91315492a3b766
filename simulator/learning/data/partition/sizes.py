"""A partition into random shards of given sizes."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from simulator.learning.data.partition.base import Labels, Partition, dealt
from simulator.learning.data.pool import MixedShards, Pool
from simulator.settings.base import Many
from simulator.settings.bounds import SampleCount


class Sizes(Partition):
    """Client i has `sizes[i]` samples, chosen at random whatever their class; samples beyond the sum are not used.

    Attributes:
        sizes: the number of samples of each client.
    """

    name: ClassVar[str] = "sizes"
    knows_sizes: ClassVar[bool] = True
    sizes: Annotated[Many[SampleCount], Field(min_length=1)]

    def split(self, labels: Labels, clients: int, rng: np.random.Generator) -> Sequence[np.ndarray]:
        if len(self.sizes) != clients:
            raise ValueError(f"there are {clients} clients, and sizes lists {len(self.sizes)}: give each client one")
        if isinstance(labels, Pool):
            return MixedShards(np.array(self.sizes), labels.classes, int(rng.integers(2**63)))
        if sum(self.sizes) > len(labels):
            raise ValueError(f"the sizes add up to {sum(self.sizes)}, and there are {len(labels)} samples")
        return dealt(rng.permutation(len(labels)), np.cumsum(self.sizes))
