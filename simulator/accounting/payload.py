"""What an algorithm may say of a payload."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

DIRECTIONS = ("up", "down")


class Frozen(dict[str, Any]):
    """Weights that nobody will ever write: a wire may hand the same copy to all who ask for them."""


def tree_bytes(tree: Any, elsewhere: Callable[[Any], bool] = lambda part: False) -> int:
    """Bytes of the tensors in a tree of dicts, lists and tuples, or of one tensor.

    A tensor is what has ``numel`` and ``element_size``, and counts at every place where it stands: dry, one stands for
    all of its shape. A dict, list or tuple that stands in several places counts once. Numbers, and whatever else is in
    a tree, weigh nothing: they are notes. (Sent, a number has 8 bytes: a wire counts what travels, in its own type.)

    Args:
        elsewhere: whether a part of the tree counts elsewhere, and not here.
    """
    return _bytes(tree, elsewhere, set())


def _bytes(tree: Any, elsewhere: Callable[[Any], bool], counted: set[int]) -> int:
    if hasattr(tree, "numel"):
        return int(tree.numel() * tree.element_size())
    if not isinstance(tree, dict | list | tuple) or id(tree) in counted or elsewhere(tree):
        return 0
    counted.add(id(tree))
    return sum(_bytes(part, elsewhere, counted) for part in (tree.values() if isinstance(tree, dict) else tree))


FROZEN_WEIGHTS = "frozen weights"
"""What provisioning sends."""
WAY_BACK = {"smashed data": "smashed gradient", "smashed data and labels": "smashed gradient"}
"""The gradient that comes back for what a device sent."""


_ALSO = {"smashed data": ("smashed data and labels",)}


def covered(kind: str) -> tuple[str, ...]:
    """The kinds that a scenario means by this name: with the smashed data, labels may travel, or not."""
    return kind, *_ALSO.get(kind, ())


class Messages(NamedTuple):
    """The names of the payloads that go from devices to the server, and of those that come from it.

    ``incompressible``: those of them that are integers alone, such as files; only floating tensors are encoded.
    """

    up: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    incompressible: tuple[str, ...] = ()

    @property
    def directed(self) -> list[str]:
        """Each that can be compressed, with its direction, as a scenario may name it."""
        both = ((kind, direction) for direction, names in zip(DIRECTIONS, self[:2], strict=True) for kind in names)
        return [f"{kind} {direction}" for kind, direction in both if kind not in self.incompressible]


def directions(key: str) -> tuple[str, tuple[str, ...]]:
    """The kind that a scenario names, and in which directions: ``KIND up``, ``KIND down``, or ``KIND`` for both."""
    kind, _, last = key.rpartition(" ")
    return (kind, (last,)) if kind and last in DIRECTIONS else (key, DIRECTIONS)
