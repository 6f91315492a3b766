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
        """Bytes of its tensors. Weights that parts compute with are left out: they count where they are used."""
        return _bytes(dict(self))


def _bytes(tree: Any) -> int:
    if isinstance(tree, Frozen) or hasattr(tree, "optimizer"):
        return 0
    if isinstance(tree, dict):
        return sum(map(_bytes, tree.values()))
    if isinstance(tree, list | tuple):
        return sum(map(_bytes, tree))
    return int(tree.numel() * tree.element_size()) if hasattr(tree, "numel") else 0
