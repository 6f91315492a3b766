"""How much memory a site has in use, and how much it had at its fullest."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol, runtime_checkable

from simulator.accounting.payload import tree_bytes
from simulator.world.store import Live, counts_elsewhere


class Holdable(Protocol):
    """Something whose weights lie in memory where it is used: a part of a model."""

    def resident(self) -> Iterable[tuple[Any, str, int]]:
        """(the weights object, a piece of it, the bytes of that piece with its gradients and optimizer state)."""


@runtime_checkable
class Versioned(Protocol):
    """Weights of which passes may still need earlier versions than the newest."""

    @property
    def earlier_bytes(self) -> int: ...


class Fullest(NamedTuple):
    """What was done when memory was at its fullest: a work, for a part, in a round."""

    doing: str
    part: str = ""
    round: int = 0


class Memory:
    """Weights count once by identity, while anybody uses them; what passes keep counts until it is given back.

    Attributes:
        bytes: weights, their gradients and optimizer state + earlier versions of them that open passes need + what open
            passes keep + what the works in service need + what lies in the site's stores + tensors by name that live
            there + what waits there.
        peak_bytes: the most there ever was.
        fullest: what was done then.
    """

    def __init__(self) -> None:
        self.bytes = self.peak_bytes = 0
        self.fullest = Fullest("nothing")
        self._pieces: dict[tuple[int, str], int] = {}
        self._users: dict[tuple[int, str], set[str | None]] = {}
        self._seen: dict[tuple[Any, str | None], list[Versioned]] = {}  # holds parts, so that no identity is reused
        self._earlier: dict[int, int] = {}
        self._kept: dict[str | None, int] = {}
        self._stored = 0
        self._living: dict[int, weakref.ref[Live]] = {}

    def keep(self, value: Any) -> Any:
        """Count tensors by name from now on, and as long as anybody refers to them; the value is what to refer to.

        What is not a dict of tensors stays as it is.
        """
        if type(value) is not dict:
            return value
        live, size = Live(value), tree_bytes(value, counts_elsewhere)

        def gone(reference: weakref.ref[Live], key: int = id(live)) -> None:
            del self._living[key]
            self.bytes -= size

        self._living[id(live)] = weakref.ref(live, gone)
        self.bytes += size
        return live

    def store(self, nbytes: int) -> None:
        """So much lies in the store now."""
        self.bytes += nbytes - self._stored
        self._stored = nbytes
        self._look("what it keeps from round to round")

    def wait(self, nbytes: int) -> None:
        """So much more (or less, if negative) waits here for somebody."""
        self.bytes += nbytes
        self._look("what waits there")

    def hold(self, part: Holdable) -> None:
        """This part's weights lie here for good."""
        self._hold(part, None)
        self._look("the weights", part)

    def begin(
        self, client: str | None, part: Holdable | None, peak_bytes: int, doing: str = "", round: int = 0
    ) -> None:
        """A work starts for this client: its part's weights are there, and it takes what it needs to run."""
        if part is not None:
            for weights in self._hold(part, client):
                earlier = weights.earlier_bytes
                if earlier != self._earlier.get(id(weights), 0):
                    self.bytes += earlier - self._earlier.get(id(weights), 0)
                    self._earlier[id(weights)] = earlier
        self.bytes += peak_bytes
        self._look(doing, part, round)

    def end(self, client: str | None, peak_bytes: int, kept_bytes: int) -> None:
        """A work is over; some of what it took it may keep, or it gives back what another kept."""
        self.bytes -= peak_bytes
        if kept_bytes:
            before = self._kept.get(client, 0)
            self._kept[client] = after = max(0, before + kept_bytes)
            self.bytes += after - before

    def release(self, client: str | None) -> None:
        """This client's engagement is over: its passes go, and the weights nobody else uses."""
        self.bytes -= self._kept.pop(client, 0)
        self._seen = {key: part for key, part in self._seen.items() if key[1] != client}
        self._leave(client, list(self._users))

    def drop(self, client: str | None, weights: Any) -> None:
        """This client is done with these weights, in all its parts: they go, with their gradients and optimizer state,
        unless somebody else uses them. A part that is used again brings them again.
        """
        self._seen = {key: part for key, part in self._seen.items() if key[1] != client or not _uses(key[0], weights)}
        self._leave(client, [piece for piece in self._users if piece[0] == id(weights)])

    def _leave(self, client: str | None, pieces: Iterable[tuple[int, str]]) -> None:
        """This client uses these pieces no more; they go where nobody else does."""
        for piece in pieces:
            users = self._users[piece]
            users.discard(client)
            if not users:
                del self._users[piece]
                self.bytes -= self._pieces.pop(piece) + self._earlier.pop(piece[0], 0)

    def _look(self, doing: str, part: object = None, round: int = 0) -> None:
        if self.bytes > self.peak_bytes:
            self.peak_bytes = self.bytes
            self.fullest = Fullest(doing, "" if part is None else str(part), round)  # a part itself would live on

    def _hold(self, part: Holdable, client: str | None) -> list[Versioned]:
        """This part's weights lie here for this client; those of them that have versions."""
        seen = self._seen.get((part, client))
        if seen is not None:
            return seen
        versioned: dict[int, Versioned] = {}
        for weights, piece, size in part.resident():
            key = id(weights), piece
            if key not in self._pieces:
                self._pieces[key] = size
                self._users[key] = set()
                self.bytes += size
            self._users[key].add(client)
            if id(weights) not in versioned and isinstance(weights, Versioned):
                versioned[id(weights)] = weights
        self._seen[part, client] = found = list(versioned.values())
        return found


def _uses(part: Holdable, weights: Any) -> bool:
    return any(one is weights for one, _, _ in part.resident())
