"""How the samples of a data set are dealt to the clients."""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, PositiveInt

from simulator.settings import Many, Settings

REDRAWS = 100


class Partition(Settings):
    """Deals samples to clients."""

    name: ClassVar[str]

    def split(self, labels: np.ndarray, clients: int, rng: np.random.Generator) -> list[np.ndarray]:
        """The indices of each client's samples, ascending; no sample goes to two clients, and no client has none.

        Args:
            labels: of all samples, [N].
            clients: how many.
            rng: all that is drawn comes from here.

        Raises:
            ValueError: they cannot be dealt so; the message says what helps.
        """
        raise NotImplementedError


class Iid(Partition):
    """All samples are dealt at random, in shards whose sizes differ by one at most."""

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
        raise _undealt(len(labels), clients, self.min_samples, self.alpha)

    def _draw(self, labels: np.ndarray, clients: int, rng: np.random.Generator) -> list[np.ndarray]:
        shards: list[list[np.ndarray]] = [[] for _ in range(clients)]
        for label in np.unique(labels):
            samples = rng.permutation(np.flatnonzero(labels == label))
            shares = rng.dirichlet(np.full(clients, self.alpha))
            cuts = (np.cumsum(shares)[:-1] * len(samples)).astype(int)
            for shard, part in zip(shards, np.split(samples, cuts), strict=True):
                shard.append(part)
        return [np.sort(np.concatenate(parts)) for parts in shards]


class ClassesPerClient(Partition):
    """Each client has samples of exactly `classes` classes, as in the "pathological" split of federated learning.

    A class is given to as many clients as any other, give or take one, and its samples are dealt to them in equal
    parts. All samples are used if there are enough clients for every class to be given to one. McMahan et al.,
    "Communication-Efficient Learning of Deep Networks from Decentralized Data", AISTATS 2017, section 3, deal two
    slices of the samples sorted by class to each client, which then has two classes in most cases; here in all.
    """

    name: ClassVar[str] = "classes_per_client"
    classes: PositiveInt

    def split(self, labels: np.ndarray, clients: int, rng: np.random.Generator) -> list[np.ndarray]:
        present = np.unique(labels)
        if self.classes > len(present):
            raise ValueError(f"the data have {len(present)} classes, and no client can have {self.classes} of them")
        takers: list[list[int]] = [[] for _ in present]
        for client in range(clients):
            given = np.array([len(who) for who in takers])
            for index in np.lexsort((rng.random(len(present)), given))[: self.classes]:  # those given least, by lot
                takers[index].append(client)
        shards: list[list[np.ndarray]] = [[] for _ in range(clients)]
        for label, who in zip(present, takers, strict=True):
            samples = rng.permutation(np.flatnonzero(labels == label))
            if len(samples) < len(who):
                raise ValueError(
                    f"class {label} has {len(samples)} samples for {len(who)} clients: use fewer clients, fewer "
                    "classes a client or more samples"
                )
            for client, part in zip(who, np.array_split(samples, max(len(who), 1)), strict=False):
                shards[client].append(part)
        return [np.sort(np.concatenate(parts)) for parts in shards]


class Sizes(Partition):
    """Client i has `sizes[i]` samples, chosen at random whatever their class; samples beyond the sum are not used."""

    name: ClassVar[str] = "sizes"
    sizes: Annotated[Many[PositiveInt], Field(min_length=1)]

    def split(self, labels: np.ndarray, clients: int, rng: np.random.Generator) -> list[np.ndarray]:
        if len(self.sizes) != clients:
            raise ValueError(f"there are {clients} clients, and sizes lists {len(self.sizes)}: give each client one")
        if sum(self.sizes) > len(labels):
            raise ValueError(f"the sizes add up to {sum(self.sizes)}, and there are {len(labels)} samples")
        return _dealt(rng.permutation(len(labels)), np.cumsum(self.sizes))


class QuantitySkew(Partition):
    """The sizes of shards are drawn from Dir(alpha), and all samples dealt at random whatever their class.

    The smaller `alpha`, the more sizes differ. Li et al., "Federated Learning on Non-IID Data Silos: An Experimental
    Study", ICDE 2022, arXiv 2102.02079, section IV.D. Drawn anew until each client has `min_samples`.
    """

    name: ClassVar[str] = "quantity_skew"
    alpha: Annotated[float, Field(gt=0)]
    min_samples: PositiveInt = 8

    def split(self, labels: np.ndarray, clients: int, rng: np.random.Generator) -> list[np.ndarray]:
        for _ in range(REDRAWS if clients * self.min_samples <= len(labels) else 0):
            ends = np.round(np.cumsum(rng.dirichlet(np.full(clients, self.alpha))) * len(labels)).astype(int)
            if np.diff(ends, prepend=0).min() >= self.min_samples:
                return _dealt(rng.permutation(len(labels)), ends)
        raise _undealt(len(labels), clients, self.min_samples, self.alpha)


def _dealt(samples: np.ndarray, ends: np.ndarray) -> list[np.ndarray]:
    """These samples, one behind the other, in shards that end there."""
    return [np.sort(shard) for shard in np.split(samples[: ends[-1]], ends[:-1])]


def _undealt(samples: int, clients: int, least: int, alpha: float) -> ValueError:
    return ValueError(
        f"{samples} samples could not be dealt to {clients} clients with at least {least} each, in "
        f"{REDRAWS} draws with alpha {alpha:g}: use a larger alpha, a smaller min_samples or fewer clients"
    )
