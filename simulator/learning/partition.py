"""How the samples of a data set are dealt to the clients."""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from simulator.settings import Settings

REDRAWS = 100


class Partition(Settings):
    """Deals samples to clients."""

    name: ClassVar[str]

    def split(self, labels: np.ndarray, clients: int, rng: np.random.Generator) -> list[np.ndarray]:
        """The indices of each client's samples, ascending; every sample goes to exactly one client.

        Raises:
            ValueError: the samples do not suffice for so many clients.
        """
        raise NotImplementedError


class Iid(Partition):
    """Samples are dealt at random, in shards whose sizes differ by one at most."""

    name: ClassVar[str] = "iid"

    def split(self, labels: np.ndarray, clients: int, rng: np.random.Generator) -> list[np.ndarray]:
        if clients > len(labels):
            raise ValueError(f"{len(labels)} samples do not suffice for {clients} clients: each needs at least one")
        return [np.sort(shard) for shard in np.array_split(rng.permutation(len(labels)), clients)]


class Dirichlet(Partition):
    """Each class is dealt in proportions drawn from Dir(alpha), as is common in federated learning.

    The smaller `alpha`, the more clients differ in their classes and sizes. Hsu et al., "Measuring the Effects of
    Non-Identical Data Distribution for Federated Visual Classification", 2019, arXiv 1909.06335, introduced the
    Dirichlet prior, there over the classes of a client; here, as in most code since, it is over the clients of a
    class, so that all samples are used.
    """

    name: ClassVar[str] = "dirichlet"
    alpha: Annotated[float, Field(gt=0)]
    min_samples: Annotated[int, Field(ge=1)] = 8

    def split(self, labels: np.ndarray, clients: int, rng: np.random.Generator) -> list[np.ndarray]:
        if clients * self.min_samples <= len(labels):
            for _ in range(REDRAWS):
                shards = self._draw(labels, clients, rng)
                if min(map(len, shards)) >= self.min_samples:
                    return shards
        raise ValueError(
            f"{len(labels)} samples could not be dealt to {clients} clients with at least {self.min_samples} each, in "
            f"{REDRAWS} draws with alpha {self.alpha:g}: use a larger alpha, a smaller min_samples or fewer clients"
        )

    def _draw(self, labels: np.ndarray, clients: int, rng: np.random.Generator) -> list[np.ndarray]:
        shards: list[list[np.ndarray]] = [[] for _ in range(clients)]
        for label in np.unique(labels):
            samples = rng.permutation(np.flatnonzero(labels == label))
            shares = rng.dirichlet(np.full(clients, self.alpha))
            cuts = (np.cumsum(shares)[:-1] * len(samples)).astype(int)
            for shard, part in zip(shards, np.split(samples, cuts), strict=True):
                shard.append(part)
        return [np.sort(np.concatenate(parts)) for parts in shards]
