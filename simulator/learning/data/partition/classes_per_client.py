"""A partition with a few classes per client."""

from typing import ClassVar

import numpy as np

from simulator.learning.data.partition.base import Partition
from simulator.settings.bounds import Count


class ClassesPerClient(Partition):
    """Each client has samples of exactly `classes` classes, as in the "pathological" split of federated learning.

    Each class is given to the same number of clients, give or take one, and its samples are partitioned equally among
    them. All samples are used if there are enough clients for every class to be given to one. McMahan et al.,
    "Communication-Efficient Learning of Deep Networks from Decentralized Data", AISTATS 2017, section 3, give each
    client two slices of the samples sorted by class, which are two classes in most cases; here, the number of classes
    is always exact.

    Attributes:
        classes: how many classes each client has.
    """

    name: ClassVar[str] = "classes_per_client"
    classes: Count

    def split(self, labels: np.ndarray, clients: int, rng: np.random.Generator) -> list[np.ndarray]:
        present = np.unique(labels)
        if self.classes > len(present):
            raise ValueError(f"the data have {len(present)} classes, and no client can have {self.classes} of them")
        holders: list[list[int]] = [[] for _ in present]
        for client in range(clients):
            counts = np.array([len(group) for group in holders])
            for index in np.lexsort((rng.random(len(present)), counts))[: self.classes]:  # fewest holders; ties by lot
                holders[index].append(client)
        shards: list[list[np.ndarray]] = [[] for _ in range(clients)]
        for label, group in zip(present, holders, strict=True):
            samples = rng.permutation(np.flatnonzero(labels == label))
            if len(samples) < len(group):
                raise ValueError(
                    f"class {label} has {len(samples)} samples for {len(group)} clients: use fewer clients, fewer "
                    "classes a client or more samples"
                )
            for client, part in zip(group, np.array_split(samples, max(len(group), 1)), strict=False):
                shards[client].append(part)
        return [np.sort(np.concatenate(parts)) for parts in shards]
