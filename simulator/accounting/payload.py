"""Payloads: their sizes, kinds and directions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from simulator.accounting.copy_on_write import CopyOnWrite
from simulator.settings.moved import former

__getattr__ = former(__name__, __name__)

DIRECTIONS = ("up", "down")


class Frozen(dict[str, Any]):
    """Weights that nobody will ever write: a wire may hand the same copy to all who ask for them."""


def tree_bytes(tree: Any, elsewhere: Callable[[Any], bool] = lambda part: False) -> int:
    """Return the bytes of all tensors in a tree of dicts, lists and tuples, or of one tensor.

    A tensor is anything with ``numel`` and ``element_size``. It counts at each place where it occurs, because in a dry
    run one tensor stands for all tensors of its shape. A dict, list or tuple that occurs at several places counts once.
    Numbers and all else in a tree count as 0 bytes. (A number that is sent has 8 bytes: a wire counts what travels, in
    the wire's own type.)

    Args:
        tree: the tensors.
        elsewhere: returns whether a part of the tree is counted elsewhere; such a part is left out here.
    """
    return _bytes(tree, elsewhere, set())


def _bytes(tree: Any, elsewhere: Callable[[Any], bool], counted: set[int]) -> int:
    if hasattr(tree, "numel"):
        return int(tree.numel() * tree.element_size())
    if not isinstance(tree, dict | list | tuple) or id(tree) in counted or elsewhere(tree):
        return 0
    counted.add(id(tree))
    if type(tree) is CopyOnWrite and tree.entries is not None:
        return tree.entries.nbytes
    return sum([_bytes(part, elsewhere, counted) for part in (tree.values() if isinstance(tree, dict) else tree)])


FROZEN_WEIGHTS = "frozen weights"
"""The kind of payload that provisioning sends."""
WAY_BACK = {"smashed data": "smashed gradient", "smashed data and labels": "smashed gradient"}
"""The kind of the gradient that comes back, by the kind of what a device sent."""


_ALSO = {"smashed data": ("smashed data and labels",)}


def covered(kind: str) -> tuple[str, ...]:
    """Return the kinds that a name covers in a scenario: "smashed data" also covers those sent with labels."""
    return kind, *_ALSO.get(kind, ())


class Messages(NamedTuple):
    """The kinds of payloads that an algorithm sends, by direction.

    Attributes:
        up: the kinds sent from devices to the server.
        down: the kinds sent from the server to devices.
        incompressible: the kinds that consist of integers alone, such as files; only floating tensors are encoded.
    """

    up: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    incompressible: tuple[str, ...] = ()

    @property
    def directed(self) -> list[str]:
        """The kinds that can be compressed, each with its direction, as a scenario may name them: "smashed data up"."""
        pairs = ((kind, direction) for direction, names in zip(DIRECTIONS, self[:2], strict=True) for kind in names)
        return [f"{kind} {direction}" for kind, direction in pairs if kind not in self.incompressible]


def directions(key: str) -> tuple[str, tuple[str, ...]]:
    """Return the kind and the directions that a key means: ``KIND up``, ``KIND down``, or ``KIND`` for both."""
    kind, _, last = key.rpartition(" ")
    return (kind, (last,)) if kind and last in DIRECTIONS else (key, DIRECTIONS)
