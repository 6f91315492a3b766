"""Batches that wait in the memory of a site until they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from simulator.accounting.payload import tree_bytes

if TYPE_CHECKING:
    from simulator.world.sites import Site


class StagedBatches:
    """Batches that lie in the memory of a site, each once, however many need it.

    What is still there at the end of its ``with`` block goes then, whoever has left and whatever was stopped.
    """

    def __init__(self, site: Site) -> None:
        self._memory = site.memory
        self._lies: dict[int, tuple[Any, int]] = {}  # by the identity of the batch it also holds: and how many need it

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for batch, _ in self._lies.values():
            self._memory.wait(-tree_bytes(batch))
        self._lies.clear()

    def add(self, batch: Any) -> None:
        """One more needs this batch; the first time, it begins to lie there."""
        _, needed = self._lies.get(id(batch), (batch, 0))
        self._lies[id(batch)] = batch, needed + 1
        if not needed:
            self._memory.wait(tree_bytes(batch))

    def remove(self, batch: Any) -> None:
        """One less needs it; the last time, it goes."""
        _, needed = self._lies.pop(id(batch))
        if needed > 1:
            self._lies[id(batch)] = batch, needed - 1
        else:
            self._memory.wait(-tree_bytes(batch))
