"""A queue of what is to come whose entries may go out of date before their turn."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Protocol, TypeVar


class Turns(Protocol):
    """What waits in queues: only its entries with the number of its present turn count."""

    turn: int


T = TypeVar("T", bound=Turns)


class Upcoming(list[tuple[float, int, T]]):
    """A heap of entries, least key first; those out of date are passed over, and thrown out when they are many."""

    __slots__ = ("_full",)

    def __init__(self) -> None:
        self._full = 64

    def push(self, key: float, one: T) -> None:
        """Add an entry for the present turn of something; no two things have the same turn."""
        heappush(self, (key, one.turn, one))
        if len(self) > self._full:
            self[:] = self.entries()
            heapify(self)
            self._full = 64 + 2 * len(self)

    def entries(self) -> list[tuple[float, int, T]]:
        """Return the entries that are up to date, in any order."""
        return [entry for entry in self if entry[2].turn == entry[1]]

    def first(self) -> tuple[float, int, T] | None:
        """Return the entry with the least key that is up to date, and leave it; None if there is none."""
        while self:
            entry = self[0]
            if entry[2].turn == entry[1]:
                return entry
            heappop(self)
        return None
