"""The memory of a site: how much is in use, and its peak."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol, runtime_checkable

from simulator.accounting.copy_on_write import is_plain_dict, items_of
from simulator.accounting.payload import tree_bytes
from simulator.world.store import Live, counts_elsewhere


class Holdable(Protocol):
    """Something whose weights are in memory where it is used: a part of a model."""

    def resident(self) -> Iterable[tuple[Any, str, int]]:
        """Return for each piece: the weights object, its name, its bytes with gradients and optimizer state."""


@runtime_checkable
class Versioned(Protocol):
    """Weights of which open passes may still need versions before the newest."""

    @property
    def earlier_bytes(self) -> int:
        """Bytes of the earlier versions that are still needed."""


class Fullest(NamedTuple):
    """What was done when the memory in use was at its peak.

    Attributes:
        doing: the name of the work, or a phrase for what took the memory.
        part: the part of the model that it was done with; empty if there was none.
        round: the round.
    """

    doing: str
    part: str = ""
    round: int = 0


class Memory:
    """The memory in use at a site.

    Weights count once, by identity, for as long as anyone uses them. What a pass keeps counts until it is freed.

    Attributes:
        bytes: what is in use: weights with their gradients and optimizer state + the earlier versions of weights that
            open passes need + what open passes keep + what works in service need + what is in the site's stores + dicts
            of tensors that live there + what waits there.
        peak_bytes: the largest that ``bytes`` has been.
        fullest: what was done at that moment.
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
        """Count a dict of tensors from now on, for as long as anything refers to the value returned.

        Anything but a plain dict is returned as it is, and not counted.
        """
        if not is_plain_dict(value):
            return value
        live, size = Live(items_of(value)), tree_bytes(value, counts_elsewhere)

        def forget(reference: weakref.ref[Live], key: int = id(live)) -> None:
            del self._living[key]
            self.bytes -= size

        self._living[id(live)] = weakref.ref(live, forget)
        self.bytes += size
        return live

    def store(self, nbytes: int) -> None:
        """Set the bytes that are in the stores."""
        self.bytes += nbytes - self._stored
        self._stored = nbytes
        self._update_peak("what it keeps from round to round")

    def wait(self, nbytes: int) -> None:
        """Add bytes of what waits here for someone; a negative number if it waits no more."""
        self.bytes += nbytes
        self._update_peak("what waits there")

    def hold(self, part: Holdable) -> None:
        """Count the weights of a part for good."""
        self._hold(part, None)
        self._update_peak("the weights", part)

    def begin(
        self, client: str | None, part: Holdable | None, peak_bytes: int, doing: str = "", round: int = 0
    ) -> None:
        """Count what a work needs from its beginning.

        Args:
            client: the client that it is done for; None if it is done for none.
            part: the part whose weights it needs, which stay counted for this client; None if it needs none.
            peak_bytes: what it needs while it runs.
            doing: its name.
            round: its round.
        """
        if part is not None:
            for weights in self._hold(part, client):
                earlier = weights.earlier_bytes
                if earlier != self._earlier.get(id(weights), 0):
                    self.bytes += earlier - self._earlier.get(id(weights), 0)
                    self._earlier[id(weights)] = earlier
        self.bytes += peak_bytes
        self._update_peak(doing, part, round)

    def end(self, client: str | None, peak_bytes: int, kept_bytes: int) -> None:
        """Count what is left after a work.

        Args:
            client: the client that it was done for.
            peak_bytes: what it needed while it ran.
            kept_bytes: what it keeps for a later work; negative if it frees what an earlier work kept.
        """
        self.bytes -= peak_bytes
        if kept_bytes:
            before = self._kept.get(client, 0)
            self._kept[client] = after = max(0, before + kept_bytes)
            self.bytes += after - before

    def release(self, client: str | None) -> None:
        """Free what a client held when its engagement is over: its passes, and the weights that no one else uses."""
        self.bytes -= self._kept.pop(client, 0)
        self._seen = {key: part for key, part in self._seen.items() if key[1] != client}
        self._leave(client, list(self._users))

    def lose_passes(self) -> None:
        """Free what is kept for no client in particular: passes that nobody will go on with."""
        self.bytes -= self._kept.pop(None, 0)

    def holds_for(self, client: str) -> bool:
        """Return whether weights or passes are in memory for the sake of a client."""
        return any(user == client for _, user in self._seen)

    def drop(self, client: str | None, weights: Any) -> None:
        """Free weights that a client needs no more, with their gradients and optimizer state, in all its parts.

        They stay if someone else uses them. If a part with these weights is used again, they count again.
        """
        self._seen = {key: part for key, part in self._seen.items() if key[1] != client or not _uses(key[0], weights)}
        self._leave(client, [piece for piece in self._users if piece[0] == id(weights)])

    def _leave(self, client: str | None, pieces: Iterable[tuple[int, str]]) -> None:
        """End a client's use of pieces of weights, and free those that no one else uses."""
        for piece in pieces:
            users = self._users[piece]
            users.discard(client)
            if not users:
                del self._users[piece]
                self.bytes -= self._pieces.pop(piece) + self._earlier.pop(piece[0], 0)

    def _update_peak(self, doing: str, part: object = None, round: int = 0) -> None:
        if self.bytes > self.peak_bytes:
            self.peak_bytes = self.bytes
            part_name = "" if part is None else str(part)  # a reference to the part would keep it alive
            self.fullest = Fullest(doing, part_name, round)

    def _hold(self, part: Holdable, client: str | None) -> list[Versioned]:
        """Count the weights of a part for a client; the value is those weights that have versions."""
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
        self._seen[part, client] = weights_with_versions = list(versioned.values())
        return weights_with_versions


def _uses(part: Holdable, weights: Any) -> bool:
    return any(used is weights for used, _, _ in part.resident())
