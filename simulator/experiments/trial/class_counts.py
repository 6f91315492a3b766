"""The classes in the shards of all clients, in columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from simulator.learning.data.assigned import ListedShards, Shards

if TYPE_CHECKING:
    from simulator.world.world import World

Columns = tuple[np.ndarray, np.ndarray, np.ndarray]
AT_ONCE = 2**18
"""Samples whose labels are looked up at once, and counts that are held for it."""


class ClassCount(NamedTuple):
    """The number of samples of one class on one client; a row of ``clients.csv``.

    Attributes:
        client: the name of the client.
        device: the name of its group of devices.
        number: the index of the class.
        class_name: the name of the class.
        samples: how many samples of the class the client has.
    """

    client: str
    device: str
    number: int
    class_name: str
    samples: int


class ClassCounts(Sequence[ClassCount]):
    """The number of samples of each class on each client, without zeros; counted when it is first asked for.

    Args:
        clients: the name of each client.
        names: the names of the classes.
        count: returns ``client``, ``number`` and ``samples``.

    Attributes:
        clients, names: as given.
    """

    def __init__(self, clients: Sequence[str], names: Sequence[str], count: Callable[[], Columns]) -> None:
        self.clients, self.names, self._count = clients, names, count

    @classmethod
    def none(cls) -> ClassCounts:
        """Return the counts of no clients."""
        return cls((), (), _Counting(ListedShards(()), np.zeros(0, np.int64), 1))

    def of(self, clients: Sequence[str]) -> ClassCounts:
        """Return the same counts, of clients with these names."""
        return ClassCounts(clients, self.names, self._count)

    @cached_property
    def _columns(self) -> Columns:
        return self._count()

    @property
    def client(self) -> np.ndarray:
        """For each row, the number of the client, int32 [rows]."""
        return self._columns[0]

    @property
    def number(self) -> np.ndarray:
        """For each row, the index of the class, int32 [rows]."""
        return self._columns[1]

    @property
    def samples(self) -> np.ndarray:
        """For each row, how many samples of the class the client has, int32 [rows]."""
        return self._columns[2]

    @property
    def groups(self) -> list[str]:
        """The name of each client's group of devices."""
        return [client.rpartition("-")[0] for client in self.clients]

    def __len__(self) -> int:
        return len(self.client)

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return [self[each] for each in range(*row.indices(len(self)))]
        client, number = self.clients[self.client[row]], int(self.number[row])
        return ClassCount(client, client.rpartition("-")[0], number, self.names[number], int(self.samples[row]))

    def __iter__(self) -> Iterator[ClassCount]:
        groups = self.groups
        for client, number, samples in zip(
            self.client.tolist(), self.number.tolist(), self.samples.tolist(), strict=True
        ):
            yield ClassCount(self.clients[client], groups[client], number, self.names[number], samples)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


def class_counts(world: World, names: tuple[str, ...]) -> ClassCounts:
    """Return the number of samples of each class on each client, without zeros.

    Args:
        world: a world whose devices have their shards.
        names: the names of the classes.
    """
    clients = world.clients
    labels: Any = clients[0].data.inputs.labels
    return ClassCounts([client.name for client in clients], names, _Counting(_shards(clients), labels, len(names)))


@dataclass(frozen=True)
class _Counting:
    """Counts the classes of shards; it holds no device, so that a world can be freed before.

    Attributes:
        shards: the shards of all clients.
        labels: the class of each sample.
        classes: how many classes there are.
    """

    shards: Shards
    labels: Any
    classes: int

    def __call__(self) -> Columns:
        none = np.zeros(0, np.int32)
        parts = [(none, none, none), *_counted(self.shards, self.labels, self.classes)]
        client, number, samples = (np.concatenate(column) for column in zip(*parts, strict=True))
        return client, number, samples


def _shards(clients: Sequence[Any]) -> Shards:
    """Return the shards of all clients, as they were assigned."""
    assigned = [client.data.assigned for client in clients]
    first = assigned[0]
    if first is not None and len(first.shards) == len(clients):
        shards: Shards = first.shards
        if all(one is not None and one.shards is shards and one.client == at for at, one in enumerate(assigned)):
            return shards
    return ListedShards([client.data.index.cpu().numpy() for client in clients])


def _counted(shards: Shards, labels: Any, classes: int) -> Iterator[Columns]:
    """Yield the columns of ``ClassCounts``, for some clients at a time."""
    most = max(1, AT_ONCE // classes)
    for start, end in shards.chunks(AT_ONCE):
        for first in range(start, end, most):
            last = min(first + most, end)
            sizes = shards.sizes[first:last]
            index = shards.between(first, last)
            looked_up = labels[index]
            found = looked_up if isinstance(looked_up, np.ndarray) else looked_up.cpu().numpy()
            keys = np.repeat(np.arange(last - first), sizes) * classes + found
            counts = np.bincount(keys, minlength=(last - first) * classes)
            (used,) = counts.nonzero()
            yield tuple(column.astype(np.int32) for column in (used // classes + first, used % classes, counts[used]))  # type: ignore[misc]
