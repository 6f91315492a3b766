"""Payloads: their sizes, kinds and directions."""

from __future__ import annotations

from collections.abc import Callable
from operator import is_
from typing import Any, NamedTuple

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
    if not isinstance(tree, dict):
        return sum(_bytes(part, elsewhere, counted) for part in tree)
    known = _known_dict(tree)
    if known is None:
        known = sum(_bytes(part, elsewhere, counted) for part in tree.values())
        _remember(tree, known)
    return known


MOST_KNOWN = 256
"""How many dicts of tensors without values are known at most."""
_known: dict[tuple[int, int, int], tuple[tuple[Any, ...], int]] = {}
"""By size, and by the first and the last of its tensors: the tensors of a dict, which thus live on, and their bytes."""


def _known_dict(tree: dict[Any, Any]) -> int | None:
    """Return the bytes of a dict of the same tensors without values as one before; None if there was none."""
    if not tree:
        return 0
    values = tree.values()
    first = next(iter(values))
    if not getattr(first, "is_meta", False):
        return None
    known = _known.get((len(tree), id(first), id(next(reversed(values)))))
    return known[1] if known is not None and all(map(is_, values, known[0])) else None


def _remember(tree: dict[Any, Any], nbytes: int) -> None:
    """Remember the bytes of a dict if it consists of tensors without values: in a dry run, each client has the same."""
    values = tuple(tree.values())
    if values and all(getattr(value, "is_meta", False) for value in values):
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[len(values), id(values[0]), id(values[-1])] = values, nbytes


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
