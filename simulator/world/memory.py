"""How much memory a site has in use, and how much it had at its fullest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol, runtime_checkable


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

    Peak = weights, their gradients and optimizer state + earlier versions of them that open passes need + what open
    passes keep + what the works in service need + what lies in the site's store + what waits in buffers there.
    """

    def __init__(self) -> None:
        self.peak_bytes = 0
        self.fullest = Fullest("nothing")
        self._pieces: dict[tuple[int, str], int] = {}
        self._users: dict[tuple[int, str], set[str | None]] = {}
        self._seen: dict[tuple[Any, str | None], list[Versioned]] = {}  # holds parts, so that no identity is reused
        self._weights = 0
        self._earlier: dict[int, int] = {}
        self._kept: defaultdict[str | None, int] = defaultdict(int)
        self._in_service = 0
        self._stored = 0
        self._waiting = 0

    @property
    def bytes(self) -> int:
        held = self._weights + sum(self._earlier.values()) + sum(self._kept.values())
        return held + self._in_service + self._stored + self._waiting

    def store(self, nbytes: int) -> None:
        """So much lies in the store now."""
        self._stored = nbytes
        self._look("what it keeps from round to round")

    def wait(self, nbytes: int) -> None:
        """So much more (or less, if negative) waits here for somebody."""
        self._waiting += nbytes
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
            self._hold(part, client)
            for weights in self._seen[part, client]:
                self._earlier[id(weights)] = weights.earlier_bytes
        self._in_service += peak_bytes
        self._look(doing, part, round)

    def end(self, client: str | None, peak_bytes: int, kept_bytes: int) -> None:
        """A work is over; some of what it took it may keep, or it gives back what another kept."""
        self._in_service -= peak_bytes
        if kept_bytes:
            self._kept[client] = max(0, self._kept[client] + kept_bytes)

    def release(self, client: str | None) -> None:
        """This client's engagement is over: its passes go, and the weights nobody else uses."""
        self._kept.pop(client, None)
        self._seen = {key: part for key, part in self._seen.items() if key[1] != client}
        for piece, users in list(self._users.items()):
            users.discard(client)
            if not users:
                del self._users[piece]
                self._weights -= self._pieces.pop(piece)
                self._earlier.pop(piece[0], None)

    def _look(self, doing: str, part: object = None, round: int = 0) -> None:
        if self.bytes > self.peak_bytes:
            self.peak_bytes = self.bytes
            self.fullest = Fullest(doing, "" if part is None else str(part), round)  # a part itself would live on

    def _hold(self, part: Holdable, client: str | None) -> None:
        if (part, client) in self._seen:
            return
        versioned: dict[int, Versioned] = {}
        for weights, piece, size in part.resident():
            key = id(weights), piece
            if key not in self._pieces:
                self._pieces[key] = size
                self._users[key] = set()
                self._weights += size
            self._users[key].add(client)
            if id(weights) not in versioned and isinstance(weights, Versioned):
                versioned[id(weights)] = weights
        self._seen[part, client] = list(versioned.values())
