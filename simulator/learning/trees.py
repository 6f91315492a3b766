"""Payloads and states: tensors and numbers in dicts, lists and tuples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from simulator.settings.moved import former

__getattr__ = former(__name__, "simulator.accounting.payload")


def leaves(tree: Any) -> Iterator[Any]:
    """Every leaf, in order."""
    if isinstance(tree, dict):
        for value in tree.values():
            yield from leaves(value)
    elif isinstance(tree, list | tuple):
        for value in tree:
            yield from leaves(value)
    else:
        yield tree


def transform(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """The same tree with ``function`` applied to each leaf, and to the leaves at its place in ``others``."""
    if isinstance(tree, dict):
        return {key: transform(function, value, *(other[key] for other in others)) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        values = [transform(function, *parts) for parts in zip(tree, *others, strict=True)]
        return tuple(values) if isinstance(tree, tuple) else values
    return function(tree, *others)
