"""Dicts of tensors that many have in common: each is its holder's own, and takes room of its own once it is written.

In a dry run the models of all clients are the same tensors without values. A copy for each of 100,000 clients would be
100,000 tables of names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MOST_KNOWN = 256
"""How many entries are remembered in one place; when there are more, all are forgotten there."""


class Entries:
    """Tensors by name that any number of dicts have in common; nobody writes them.

    Attributes:
        tensors: the tensors, by name.
        nbytes: the bytes of all of them.
    """

    __slots__ = ("__weakref__", "_some", "nbytes", "tensors")

    def __init__(self, tensors: dict[str, Any]) -> None:
        self.tensors = tensors
        self.nbytes = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
        self._some: dict[tuple[str, ...], Entries] = {}

    def some(self, names: tuple[str, ...]) -> Entries:
        """Return those with these names, the same object for the same names as long as it is remembered."""
        found = self._some.get(names)
        if found is None:
            if len(self._some) >= MOST_KNOWN:  # names that are drawn anew for each client are never asked for again
                self._some.clear()
            found = self._some[names] = Entries({name: self.tensors[name] for name in names})
        return found


class Known:
    """Entries by the tensors that they consist of, so that equal dicts of tensors share theirs.

    Args:
        most: how many entries are remembered; when there are more, all are forgotten.
    """

    def __init__(self, most: int = MOST_KNOWN) -> None:
        self._most = most
        self._known: dict[tuple[tuple[str, ...], tuple[int, ...]], Entries] = {}

    def of(self, tensors: Mapping[str, Any]) -> Entries:
        """Return the entries with these names and tensors; tensors are compared by identity."""
        if type(tensors) is CopyOnWrite and tensors.entries is not None:
            return tensors.entries
        identities = tuple(map(id, tensors.values()))  # first: whatever is no mapping must fail before it is iterated
        key = tuple(tensors), identities
        found = self._known.get(key)
        if found is None:  # which keeps the tensors alive, and so the identities valid
            if len(self._known) >= self._most:
                self._known.clear()
            found = self._known[key] = Entries(dict(tensors))
        return found


class Delegating(dict[str, Any]):
    """A dict that has its items elsewhere: in entries that others share, or once it is written in a dict of its own.

    Attributes:
        entries: the entries that it shares; None once it has been written.
    """

    __slots__ = ()
    entries: Entries | None
    _items: dict[str, Any]

    def share(self, entries: Entries) -> None:
        """Have the items of these entries from now on."""
        self.entries, self._items = entries, entries.tensors

    def _own(self) -> dict[str, Any]:
        """Return the dict of its own, made when it is first written."""
        if self.entries is not None:
            self.entries, self._items = None, dict(self._items)
        return self._items

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        """Copy and pickle it as a plain dict."""
        return dict, (dict(self._items),)

    def __getitem__(self, name: str) -> Any:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def __eq__(self, other: object) -> bool:
        return self._items == (other._items if isinstance(other, Delegating) else other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

    def __repr__(self) -> str:
        return repr(self._items)

    def __or__(self, other: Any) -> Any:
        return self._items | dict(other)

    def __ror__(self, other: Any) -> Any:
        return other | self._items

    def __ior__(self, other: Any) -> Any:
        self.update(other)
        return self

    def keys(self) -> Any:
        return self._items.keys()

    def values(self) -> Any:
        return self._items.values()

    def items(self) -> Any:
        return self._items.items()

    def get(self, name: str, default: Any = None) -> Any:
        return self._items.get(name, default)

    def copy(self) -> dict[str, Any]:
        return dict(self._items)

    def __setitem__(self, name: str, value: Any) -> None:
        self._own()[name] = value

    def __delitem__(self, name: str) -> None:
        del self._own()[name]

    def pop(self, *args: Any) -> Any:
        return self._own().pop(*args)

    def popitem(self) -> tuple[str, Any]:
        return self._own().popitem()

    def setdefault(self, name: str, default: Any = None) -> Any:
        return self._own().setdefault(name, default)

    def update(self, *args: Any, **items: Any) -> None:
        self._own().update(*args, **items)

    def clear(self) -> None:
        self._own().clear()


class CopyOnWrite(Delegating):
    """A dict of tensors that shares its items with others until it is written.

    Args:
        entries: the items.
    """

    __slots__ = ("_items", "entries")

    def __init__(self, entries: Entries) -> None:
        self.share(entries)


def is_plain_dict(value: Any) -> bool:
    """Return whether a value is a dict and no more than that: no weights, and nothing that is counted elsewhere."""
    return type(value) is dict or type(value) is CopyOnWrite


def items_of(value: dict[str, Any]) -> dict[str, Any]:
    """Return the items of a plain dict, as a dict that is quickly copied; nobody may write it."""
    return value._items if type(value) is CopyOnWrite else value
