"""The memory of a site: how much is in use, and its peak."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from simulator.accounting.copy_on_write import is_plain_dict, items_of
from simulator.accounting.payload import tree_bytes
from simulator.world.resident import Resident, Sizes, shared
from simulator.world.store import Live, counts_elsewhere


class Holdable(Protocol):
    """Something whose weights are in memory where it is used: a part of a model."""

    def resident(self) -> Iterable[tuple[Any, str, int]]:
        """Return for each piece: the weights object, its name, its bytes with gradients and optimizer state."""


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


NOTHING = Fullest("nothing")


class InUse:
    """A part whose weights are in memory, once for all who use it.

    Attributes:
        users: how many clients use it.
        weights: its weights, as they are in memory, and the sizes of the pieces that it uses of them.
    """

    __slots__ = ("users", "weights")

    def __init__(self, weights: tuple[tuple[Resident, Sizes], ...]) -> None:
        self.users, self.weights = 0, weights


NO_ONE: dict[str | None, tuple[Holdable, ...]] = {}
NO_PART: dict[Holdable, InUse] = {}
NO_WEIGHTS: dict[int, Resident] = {}
NO_PASS: dict[str | None, int] = {}
"""These four are what an empty memory has, and are never changed: most sites hold nothing at most times."""


class Memory:
    """The memory in use at a site.

    Weights count once, by identity, for as long as anyone uses them. What a pass keeps counts until it is freed. What
    a client holds is found by client, so that its release costs the same however many others there are.

    Attributes:
        bytes: what is in use: weights with their gradients and optimizer state + the earlier versions of weights that
            open passes need + what open passes keep + what works in service need + what is in the site's stores + dicts
            of tensors that live there + what waits there.
        peak_bytes: the largest that ``bytes`` has been.
        fullest: what was done at that moment.
    """

    __slots__ = ("_held", "_kept", "_parts", "_stored", "_weights", "bytes", "fullest", "peak_bytes")

    def __init__(self) -> None:
        self.bytes = self.peak_bytes = self._stored = 0
        self.fullest = NOTHING
        self._held, self._parts, self._weights, self._kept = NO_ONE, NO_PART, NO_WEIGHTS, NO_PASS

    def keep(self, value: Any) -> Any:
        """Count a dict of tensors from now on, for as long as anything refers to the value returned.

        Anything but a plain dict is returned as it is, and not counted.
        """
        if not is_plain_dict(value):
            return value
        size = tree_bytes(value, counts_elsewhere)
        self.bytes += size
        return Live(items_of(value), self, size)

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
        self, client: str | None, part: Holdable | str | None, peak_bytes: int, doing: str = "", round: int = 0
    ) -> None:
        """Count what a work needs from its beginning.

        Args:
            client: the client that it is done for; None if it is done for none.
            part: the part whose weights it needs, which stay counted for this client; None if it needs none. Only its
                name if ``peak_bytes`` counts its weights.
            peak_bytes: what it needs while it runs.
            doing: its name.
            round: its round.
        """
        if part is not None and not isinstance(part, str):
            for resident, _ in self._hold(part, client).weights:
                if resident.versioned is not None:
                    earlier = resident.versioned.earlier_bytes
                    self.bytes += earlier - resident.earlier
                    resident.earlier = earlier
        self.bytes += peak_bytes
        if self.bytes > self.peak_bytes:
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
            after = max(0, before + kept_bytes)
            if self._kept is NO_PASS:
                self._kept = {}
            self._kept[client] = after
            self.bytes += after - before

    def release(self, client: str | None) -> None:
        """Free what a client held when its engagement is over: its passes, and the weights that no one else uses."""
        self.bytes -= self._kept.pop(client, 0)
        for part in self._held.pop(client, ()):
            self._leave(part)
        if not self._held:  # a dict keeps the room of what it has had
            self._held, self._parts, self._weights = NO_ONE, NO_PART, NO_WEIGHTS
        if not self._kept:
            self._kept = NO_PASS

    def lose_passes(self) -> None:
        """Free what is kept for no client in particular: passes that nobody will go on with."""
        self.bytes -= self._kept.pop(None, 0)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is in memory for any client."""
        return not self._held and not self._kept

    def holds_for(self, client: str) -> bool:
        """Return whether weights or passes are in memory for the sake of a client."""
        return bool(self._held.get(client))

    def drop(self, client: str | None, weights: Any) -> None:
        """Free weights that a client needs no more, with their gradients and optimizer state, in all its parts.

        They stay if someone else uses them. If a part with these weights is used again, they count again.
        """
        held = self._held.get(client, ())
        gone = [part for part in held if any(used.weights is weights for used, _ in self._parts[part].weights)]
        if gone:
            self._held[client] = tuple(part for part in held if part not in gone)
            for part in gone:
                self._leave(part)

    def _update_peak(self, doing: str, part: object = None, round: int = 0) -> None:
        if self.bytes > self.peak_bytes:
            self.peak_bytes = self.bytes
            part_name = "" if part is None else str(part)  # a reference to the part would keep it alive
            self.fullest = Fullest(doing, part_name, round)

    def _hold(self, part: Holdable, client: str | None) -> InUse:
        """Count the weights of a part for a client."""
        use, held = self._parts.get(part), self._held.get(client, ())
        if use is not None and part in held:
            return use
        if self._held is NO_ONE:
            self._held, self._parts, self._weights = {}, {}, {}
        if use is None:
            use = self._parts[part] = self._bring(part)
        use.users += 1
        self._held[client] = *held, part
        return use

    def _bring(self, part: Holdable) -> InUse:
        """Count the weights of a part that nobody uses yet."""
        pieces: dict[int, tuple[Any, dict[str, int]]] = {}
        for weights, name, size in part.resident():
            pieces.setdefault(id(weights), (weights, {}))[1].setdefault(name, size)
        residents = []
        for key, (weights, sizes) in pieces.items():
            resident = self._weights.get(key)
            if resident is None:
                resident = self._weights[key] = Resident(weights)
            table = shared(tuple(sizes.items()))
            self.bytes += resident.add(table)
            residents.append((resident, table))
        return InUse(tuple(residents))

    def _leave(self, part: Holdable) -> None:
        """End one client's use of a part, and free what no one else uses."""
        use = self._parts[part]
        use.users -= 1
        if use.users:
            return
        del self._parts[part]
        for resident, sizes in use.weights:
            self.bytes -= resident.remove(sizes)
            if not resident.parts:
                del self._weights[id(resident.weights)]
