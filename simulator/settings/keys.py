"""Dotted keys, such as `world.devices.raspberry-pi-4.uplink.rate`, and the places in plain data that they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simulator.settings.errors import ScenarioError
from simulator.settings.plugins import ALGORITHMS
from simulator.settings.wording import listed, near_miss, shown
from simulator.settings.yamlfile import KeyPath

BESIDE = ("name", "label", "training")
"""Keys that the entry of every algorithm has."""
EMPTY_PART = "a part of the key is empty: write one dot between two names, as in training.rounds"
_DIRECTIONS = ("uplink", "downlink")


def paths(data: dict[str, Any], key: str) -> list[KeyPath]:
    """Return the places that a dotted key stands for, each as the path of its keys; they need not exist yet.

    An item of a list is given by its index, an algorithm also by its label, an edge by a label that no other has, and
    a group of devices by its name, which stands for all groups of that name. `*` stands for every item of a list, of
    algorithms for those that can have the key that follows.

    Args:
        data: the plain data of a file.
        key: the dotted key.

    Raises:
        ScenarioError: the key or a part of it is empty, a value on the way has no keys, or a list has no such item.
    """
    if not key:
        raise ScenarioError("a key is empty: name one, such as training.rounds")
    return list(_paths(data, data, (), key))


def dotted(data: dict[str, Any], path: KeyPath) -> str:
    """Return the dotted key of a place, with an algorithm named by its label where that is unique."""
    words = [str(part) for part in path]
    if path[:1] == ("algorithms",) and len(path) > 1:
        known = labels(data)
        if isinstance(path[1], int) and path[1] < len(known) and known.count(known[path[1]]) == 1:
            words[1] = known[path[1]]
    return ".".join(words) or "the scenario"


def labels(data: dict[str, Any]) -> list[str]:
    """Return the labels of the algorithms; of an entry without a label or a name, its index."""
    entries = data.get("algorithms")
    if not isinstance(entries, list):
        return []
    return [
        str(entry.get("label") or entry.get("name") or index) if isinstance(entry, dict) else str(index)
        for index, entry in enumerate(entries)
    ]


def names_a_link(path: KeyPath, value: Any) -> bool:
    """Return whether the value at a place is the name of a link, which stands for its figures."""
    return isinstance(value, str) and path[:1] == ("world",) and path[-1] in _DIRECTIONS


def has_a_usual_link(path: KeyPath) -> bool:
    """Return whether a place is a link of a device or a server, which has one even where the file gives none."""
    site, way = path[:-1], path[-1]
    return way in _DIRECTIONS and (
        site == ("world", "server") or site[:-1] in (("world", "devices"), ("world", "edges"))
    )


def _paths(data: dict[str, Any], inside: Any, path: KeyPath, rest: str) -> Iterator[KeyPath]:
    """Yield the places of the rest of a dotted key, below the value ``inside`` at ``path``."""
    if not rest:
        yield path
    elif isinstance(inside, list):
        indices, rest = _items(data, inside, path, rest)
        for index in indices:
            yield from _paths(data, inside[index], (*path, index), rest)
    elif inside is None or isinstance(inside, dict) or names_a_link(path, inside):
        part, rest = _split(rest)
        if part == "*":
            raise ScenarioError(f"{dotted(data, path)} is not a list, and * stands for the items of one")
        below = inside.get(part) if isinstance(inside, dict) else None
        yield from _paths(data, below, (*path, part), rest)
    else:
        raise ScenarioError(f"{dotted(data, path)} is {shown(inside)}, which has no keys in it")


def _split(rest: str) -> tuple[str, str]:
    """Return the first part of a dotted key, and what is left of it; raise ``ScenarioError`` if a part is empty."""
    part, dot, below = rest.partition(".")
    if not part:
        raise ScenarioError(EMPTY_PART)
    return part, _below(f"{dot}{below}")


def _below(rest: str) -> str:
    """Return what stands after the dot with which the rest of a key begins; raise ``ScenarioError`` if it is empty."""
    if rest == ".":
        raise ScenarioError(EMPTY_PART)
    return rest[1:]


def _items(data: dict[str, Any], items: list[Any], path: KeyPath, rest: str) -> tuple[list[int], str]:
    """Return the items of a list that the next part of a dotted key stands for, and the rest of the key.

    Args:
        data: the plain data of the file.
        items: the list.
        path: its keys.
        rest: the key from the next part on.

    Raises:
        ScenarioError: the list has no such item.
    """
    here, named = dotted(data, path), _named(data, items, path)
    for name in sorted(named, key=len, reverse=True):  # a name may hold dots
        if rest == name or rest.startswith(f"{name}."):
            return named[name], _below(rest[len(name) :])
    part, rest = _split(rest)
    if part == "*":
        return _all_items(items, path, rest), rest
    if part.isdecimal() and int(part) < len(items):
        return [int(part)], rest
    if named:
        allowed = f"{listed(named)}, 0 to {len(items) - 1}, or * for all"
        raise ScenarioError(f'{here} has no "{part}"{near_miss(part, named)} (allowed: {allowed})')
    raise ScenarioError(f"{here} is a list of {len(items)}: name an item of it by a number from 0, not {part}")


def _named(data: dict[str, Any], items: list[Any], path: KeyPath) -> dict[str, list[int]]:
    """Return the items of a list that a key may name otherwise than by their number: name -> indices.

    These are algorithms, the first of each label; groups of devices, all of each name; and those edges whose label no
    other entry has.
    """
    if path == ("algorithms",):
        known = labels(data)
        return {label: [known.index(label)] for label in known}
    if path not in (("world", "devices"), ("world", "edges")):
        return {}
    edges = path[-1] == "edges"
    found: dict[str, list[int]] = {}
    for index, item in enumerate(items):
        name = (item.get("label", "edge") if edges else item.get("name")) if isinstance(item, dict) else None
        if name:
            found.setdefault(str(name), []).append(index)
    return {name: indices for name, indices in found.items() if not edges or len(indices) == 1}


def _all_items(items: list[Any], path: KeyPath, after: str) -> list[int]:
    """Return the items for which `*` stands: all, but of algorithms only those that can have the key that follows."""
    matching = list(range(len(items)))
    if path == ("algorithms",) and after:
        wanted, known = after.partition(".")[0], [_keys(item) for item in items]
        matching = [index for index in matching if wanted in known[index]]
        if not matching:
            suggestion = near_miss(wanted, {key: None for keys in known for key in keys})
            raise ScenarioError(f'no algorithm of the scenario has a key "{wanted}"{suggestion}')
    return matching


def _keys(item: Any) -> tuple[str, ...]:
    """Return the keys that an algorithm's entry may have."""
    name = item.get("name") if isinstance(item, dict) else None
    return (*BESIDE, *ALGORITHMS.find(name).model_fields) if name in ALGORITHMS.names() else BESIDE
