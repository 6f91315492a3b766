"""An inexhaustible pool of samples, of which nothing is held: a sample's class follows from its number.

Number ``n`` is the sample at position ``n // classes`` of class ``n % classes``. So every position can be had in every
class: whoever takes positions of their own shares no sample with others, whatever mix of classes they want.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simulator.learning.data.assigned import Shards

POSITIONS = 2**34
"""More than ten million devices with a thousand samples each need."""


class Pool:
    """The labels of the samples in a pool, computed when they are looked up, by NumPy or torch.

    Args:
        classes: how many classes there are.
        device: the torch device on which looked-up labels are; they are where their index is.

    Attributes:
        classes, device: as given.
    """

    def __init__(self, classes: int, device: Any = "cpu") -> None:
        self.classes, self.device = classes, device

    def __len__(self) -> int:
        return POSITIONS * self.classes

    def __getitem__(self, index: Any) -> Any:
        """Return the labels of some samples, int64, as an array or a tensor like ``index``."""
        return index % self.classes

    def to(self, device: Any) -> Pool:
        """Return the same labels for another torch device."""
        return Pool(self.classes, device)


class MixedShards(Shards):
    """Shards from a pool, each of consecutive positions, with classes drawn at random with equal probabilities.

    Args:
        sizes: the number of samples of each client, int64.
        classes: the classes of the pool.
        key: a number by which the classes of all positions are drawn.
    """

    def __init__(self, sizes: np.ndarray, classes: int, key: int) -> None:
        super().__init__(sizes)
        self._classes, self._key = classes, key

    def between(self, first: int, last: int) -> np.ndarray:
        positions = np.arange(*self.span(first, last), dtype=np.int64)
        return positions * self._classes + scattered(positions, self._key) % self._classes


class SkewedShards(Shards):
    """Shards from a pool, each of consecutive positions, with a mix of classes of its own from Dir(alpha).

    Args:
        sizes: the number of samples of each client, int64.
        classes: the classes of the pool.
        alpha: the parameter of the Dirichlet distribution.
        key: a number by which each client's mix and samples are drawn.
    """

    def __init__(self, sizes: np.ndarray, classes: int, alpha: float, key: int) -> None:
        super().__init__(sizes)
        self._classes, self._alpha, self._key = classes, alpha, key

    def between(self, first: int, last: int) -> np.ndarray:
        return np.concatenate([self._shard(client) for client in range(first, last)])

    def _shard(self, client: int) -> np.ndarray:
        rng = np.random.default_rng(int(scattered(np.array([client]), self._key)[0]))
        mix = np.cumsum(rng.dirichlet(np.full(self._classes, self._alpha)))
        positions = np.arange(*self.span(client, client + 1), dtype=np.int64)
        drawn = np.searchsorted(mix, rng.random(len(positions)) * mix[-1], side="right")
        return positions * self._classes + np.minimum(drawn, self._classes - 1)


def scattered(numbers: np.ndarray, key: int) -> np.ndarray:
    """Return a pseudo-random number in [0, 2**63) for each of some numbers: int64.

    It is the output function of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
    OOPSLA 2014).

    Args:
        numbers: int64, 0 or more.
        key: another key makes other numbers of them.
    """
    mixed = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(1)).astype(np.int64)
