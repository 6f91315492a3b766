"""What a site keeps from round to round."""

from __future__ import annotations

from typing import Any

from simulator.accounting.payload import Frozen


class Store(dict[str, Any]):
    """Plain data and tensors by name; it knows when it was changed."""

    changed = True

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self.changed = True

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self.changed = True

    def setdefault(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    @property
    def bytes(self) -> int:
        """Bytes of its tensors. Weights that parts compute with are left out: they count where they are used. The same
        payload under two names counts once (by the identity of what holds tensors: dry, these stand for each other).
        """
        return tree_size(dict(self))


def tree_size(tree: Any) -> int:
    """Bytes of the tensors in a tree; numbers weigh nothing."""
    return _bytes(tree, set())


def _bytes(tree: Any, counted: set[int]) -> int:
    if isinstance(tree, Frozen) or hasattr(tree, "optimizer") or id(tree) in counted:
        return 0
    if isinstance(tree, dict | list | tuple):
        counted.add(id(tree))
        return sum(_bytes(each, counted) for each in (tree.values() if isinstance(tree, dict) else tree))
    return int(tree.numel() * tree.element_size()) if hasattr(tree, "numel") else 0
