"""Weights that are in memory at a site, and which of their pieces are in use there."""

from __future__ import annotations

from typing import Any, Protocol

Sizes = tuple[tuple[str, int], ...]
"""The names and bytes of the pieces that a part uses of its weights."""
MOST_KNOWN = 1024
"""How many such tables are known at most, to be shared by the parts that have the same."""
_known: dict[Sizes, Sizes] = {}


class Versioned(Protocol):
    """Weights of which open passes may still need versions before the newest."""

    @property
    def earlier_bytes(self) -> int:
        """Bytes of the earlier versions that are still needed."""


class Resident:
    """Weights that are in memory, of which each piece counts once, for as long as anybody uses it.

    Attributes:
        weights: the weights object, which lives on for as long as its identity stands for it.
        versioned: the same if it has versions; else None.
        earlier: the bytes of its earlier versions that count now.
        parts: how many parts with these weights are in use.
    """

    __slots__ = ("_only", "_pieces", "earlier", "parts", "versioned", "weights")

    def __init__(self, weights: Any) -> None:
        self.weights, self.earlier, self.parts = weights, 0, 0
        self.versioned: Versioned | None = weights if hasattr(weights, "earlier_bytes") else None
        self._only: Sizes = ()  # mostly there is one part, and nothing to be told apart
        self._pieces: dict[str, list[int]] | None = None  # the bytes of each piece, and how many parts use it

    def add(self, sizes: Sizes) -> int:
        """Begin to use the pieces of a part, and return the bytes of those that were not in use.

        Args:
            sizes: the bytes of its pieces; those of a piece in use are as they were when its use began.
        """
        self.parts += 1
        if self.parts == 1 and self._pieces is None:
            self._only = sizes
            return sum([size for _, size in sizes])
        if self._pieces is None:
            self._pieces = {name: [size, 1] for name, size in self._only}
        added = 0
        for name, size in sizes:
            piece = self._pieces.setdefault(name, [size, 0])
            added += 0 if piece[1] else size
            piece[1] += 1
        return added

    def remove(self, sizes: Sizes) -> int:
        """End the use of the pieces of a part, and return the bytes that are free then.

        Where a piece is freed, so are all earlier versions, until a work finds that they are still needed.

        Args:
            sizes: the bytes of its pieces, as they were added.
        """
        self.parts -= 1
        freed = [size for _, size in sizes] if self._pieces is None else self._free(self._pieces, sizes)
        if not freed:
            return 0
        earlier, self.earlier = self.earlier, 0
        return sum(freed) + earlier

    def _free(self, pieces: dict[str, list[int]], sizes: Sizes) -> list[int]:
        """Return the bytes of those pieces that no other part uses."""
        freed = []
        for name, _ in sizes:
            piece = pieces[name]
            piece[1] -= 1
            if not piece[1]:
                freed.append(piece[0])
                del pieces[name]
        return freed


def shared(sizes: Sizes) -> Sizes:
    """Return the one object that stands for all tables that are equal to this one."""
    if len(_known) >= MOST_KNOWN:
        _known.clear()
    return _known.setdefault(sizes, sizes)
