"""A few classes for each client."""

from typing import ClassVar

import numpy as np
from pydantic import PositiveInt

from simulator.learning.data.partition.base import Partition


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
