"""Which samples are assigned to which client: shards that are made when they are asked for, not held in a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np


class Shards(Sequence[np.ndarray]):
    """The shards of all clients. Subclasses say which samples are in them.

    Args:
        sizes: the number of samples of each client.

    Attributes:
        sizes: as given, int64 [clients].
    """

    def __init__(self, sizes: np.ndarray) -> None:
        self.sizes = np.asarray(sizes, dtype=np.int64)
        self._ends = np.concatenate([[0], np.cumsum(self.sizes)])

    def __len__(self) -> int:
        return len(self.sizes)

    @overload
    def __getitem__(self, client: int) -> np.ndarray: ...

    @overload
    def __getitem__(self, client: slice) -> list[np.ndarray]: ...

    def __getitem__(self, client: int | slice) -> Any:
        """Return the indices of a client's samples, int64 ascending; made anew each time."""
        if isinstance(client, slice):
            return [self[each] for each in range(*client.indices(len(self)))]
        client = range(len(self))[client]
        return np.sort(self.between(client, client + 1))

    def between(self, first: int, last: int) -> np.ndarray:
        """Return the indices of the samples of some clients, one after the other, int64; within a shard in any order.

        Args:
            first, last: the number of the first client, and of the one after the last.
        """
        raise NotImplementedError

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Return how many samples the clients before ``first`` have, and those before ``last``."""
        return int(self._ends[first]), int(self._ends[last])

    def chunks(self, samples: int) -> Iterator[tuple[int, int]]:
        """Yield consecutive ranges of clients, which together have about so many samples, as for ``between``."""
        first = 0
        while first < len(self):
            last = int(np.searchsorted(self._ends, self._ends[first] + samples, side="right")) - 1
            last = min(max(last, first + 1), len(self))
            yield first, last
            first = last


class ConsecutiveShards(Shards):
    """Consecutive pieces of a list of samples.

    Args:
        order: the samples; those beyond the last shard are left out.
        sizes: the number of samples of each client.
    """

    def __init__(self, order: np.ndarray, sizes: np.ndarray) -> None:
        super().__init__(sizes)
        small = len(order) < 2**31
        self._order = order[: self._ends[-1]].astype(np.int32 if small else np.int64)

    def between(self, first: int, last: int) -> np.ndarray:
        start, end = self.span(first, last)
        return self._order[start:end].astype(np.int64)


class ListedShards(Shards):
    """Shards that a partition returned as a list.

    Args:
        shards: the indices of each client's samples.
    """

    def __init__(self, shards: Sequence[np.ndarray]) -> None:
        super().__init__(np.array([len(shard) for shard in shards], dtype=np.int64))
        self._shards = shards

    def between(self, first: int, last: int) -> np.ndarray:
        return np.concatenate(self._shards[first:last])

    def __getitem__(self, client: Any) -> Any:
        return self._shards[client]


class Assigned:
    """The shard of one client among the shards of all.

    Args:
        shards: the shards of all clients.
        client: the number of the client.
    """

    __slots__ = ("client", "shards")

    def __init__(self, shards: Shards, client: int) -> None:
        self.shards, self.client = shards, client

    def __len__(self) -> int:
        return int(self.shards.sizes[self.client])

    def index(self) -> np.ndarray:
        """Return the indices of the samples, int64 ascending."""
        shard: np.ndarray = self.shards[self.client]
        return shard
