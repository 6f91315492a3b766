"""Batches that are held in a site's memory until they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from simulator.accounting.payload import tree_bytes

if TYPE_CHECKING:
    from simulator.world.sites import Site


class StagedBatches:
    """Batches that take up a site's memory while they wait; each counts once, however many users need it.

    Batches still held at the end of the ``with`` block are removed then, even if their client left or was stopped.
    """

    def __init__(self, site: Site) -> None:
        self._memory = site.memory
        self._held: dict[int, tuple[Any, int]] = {}  # id(batch) -> the batch, which keeps the id valid, and its users

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for batch, _ in self._held.values():
            self._memory.wait(-tree_bytes(batch))
        self._held.clear()

    def add(self, batch: Any) -> None:
        """Register one more user of a batch; the first one makes it take up memory."""
        _, users = self._held.get(id(batch), (batch, 0))
        self._held[id(batch)] = batch, users + 1
        if not users:
            self._memory.wait(tree_bytes(batch))

    def remove(self, batch: Any) -> None:
        """Unregister one user of a batch; with the last one its memory is freed."""
        _, users = self._held.pop(id(batch))
        if users > 1:
            self._held[id(batch)] = batch, users - 1
        else:
            self._memory.wait(-tree_bytes(batch))
