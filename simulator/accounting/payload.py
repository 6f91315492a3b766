"""What an algorithm may say of a payload."""

from __future__ import annotations

from typing import Any, NamedTuple

DIRECTIONS = ("up", "down")


class Frozen(dict[str, Any]):
    """Weights that nobody will ever write: a wire may hand the same copy to all who ask for them."""


class Kinds(NamedTuple):
    """The names of the payloads that go from devices to the server, and of those that come from it."""

    up: tuple[str, ...] = ()
    down: tuple[str, ...] = ()

    @property
    def directed(self) -> list[str]:
        """Each with its direction, as a scenario may name it."""
        return [f"{kind} up" for kind in self.up] + [f"{kind} down" for kind in self.down]


def directions(key: str) -> tuple[str, tuple[str, ...]]:
    """The kind that a scenario names, and in which directions: ``KIND up``, ``KIND down``, or ``KIND`` for both."""
    kind, _, last = key.rpartition(" ")
    return (kind, (last,)) if kind and last in DIRECTIONS else (key, DIRECTIONS)
