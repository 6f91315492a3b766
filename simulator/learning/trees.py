"""Trees: payloads and states as tensors and numbers in nested dicts, lists and tuples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from simulator.settings.moved import former

__getattr__ = former(__name__, "simulator.accounting.payload")


def leaves(tree: Any) -> Iterator[Any]:
    """Yield every leaf of a tree, in order."""
    if isinstance(tree, dict):
        for value in tree.values():
            yield from leaves(value)
    elif isinstance(tree, list | tuple):
        for value in tree:
            yield from leaves(value)
    else:
        yield tree


def transform(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """Return a tree of the same structure, with ``function`` applied leaf by leaf.

    Args:
        function: takes one leaf of ``tree`` and the corresponding leaf of each of ``others``.
        tree: the tree whose structure the result has.
        others: further trees, which must have at least the structure of ``tree``.

    Raises:
        KeyError: one of ``others`` lacks a key.
        ValueError: a list or tuple in ``others`` has another length.
    """
    if isinstance(tree, dict):
        return {key: transform(function, value, *(other[key] for other in others)) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        values = [transform(function, *parts) for parts in zip(tree, *others, strict=True)]
        return tuple(values) if isinstance(tree, tuple) else values
    return function(tree, *others)
