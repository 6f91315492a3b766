"""The way back from a checkpoint: values from trees of JSON, poured into the objects that a replay has made.

Whoever holds one of these objects sees the values of the checkpoint in it. So dicts and lists are changed in place, and
those that take up memory for as long as they live do so as ever. Tensors, and what cannot be changed, are replaced.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import is_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulator.experiments.trial.checkpoint_tree import DICTS, VALUED, Names, Node
from simulator.learning.data.lazy import LazyBatch
from simulator.learning.models.weights import Weights
from simulator.learning.optimizers.base import Optimizer

MISSING: Any = object()
"""In place of an old value, where there is none."""


def kind_of(name: str) -> type:
    """Return the class of a name, which must be a named tuple, a dataclass, or a record of a module that is loaded.

    Raises:
        ValueError: there is no such class.
    """
    module, _, rest = name.partition(":")
    found: Any = sys.modules.get(module)
    for part in rest.split("."):
        found = getattr(found, part, None)
    if isinstance(found, type) and (is_dataclass(found) or (issubclass(found, tuple) and hasattr(found, "_fields"))):
        return found
    raise ValueError(f"there is no {name}")


class Decoder:
    """Turns trees of JSON into values.

    Args:
        tensors: the tensors of the checkpoint.
        names: what exists without it.
        optimizer: of weights that must be made anew.
    """

    def __init__(self, tensors: Sequence[Tensor], names: Names, optimizer: Optimizer | None = None) -> None:
        self.tensors, self.names, self.optimizer = tensors, names, optimizer
        self._made: dict[int, Any] = {}  # by the number of a container
        self._taken: dict[int, Any] = {}  # the objects that values were poured into, by their ids

    def decode(self, node: Node) -> Any:
        """Return the value of a tree."""
        return self.pour(node, MISSING)

    def pour(self, node: Node, old: Any) -> Any:
        """Return the value of a tree: the old one, changed in place, or what is to be put in its place.

        Args:
            node: the tree.
            old: what the replay has at its place.
        """
        if not isinstance(node, list):
            return node
        letter, *rest = node
        if letter == "t":
            return self.tensors[rest[0]]
        if letter == "k":
            return self.names.find(rest)
        if letter == "=":
            return self._made[rest[0]]
        if letter in _PLAIN:
            return _PLAIN[letter](*rest)
        number, content = rest[0], rest[1:]
        if id(old) in self._taken:  # one object of the replay stands for several: this is another one
            old = MISSING
        value = self._made[number] = getattr(self, _POURED[letter])(old, *content)
        self._taken[id(value)] = value
        return value

    def _dict(self, old: Any, kind: str, values: dict[str, Node]) -> Any:
        return self._filled(old, DICTS[kind], list(values.items()))

    def _pairs(self, old: Any, kind: str, pairs: list[list[Node]]) -> Any:
        return self._filled(old, DICTS[kind], [(self.decode(key), node) for key, node in pairs])

    def _filled(self, old: Any, kind: type[dict[Any, Any]], values: list[tuple[Any, Node]]) -> Any:
        result: Any = old if type(old) is kind else kind()
        before = dict(result)
        self._taken[id(result)] = result
        new = {key: self.pour(node, before.get(key, MISSING)) for key, node in values}
        if list(new) != list(result):
            result.clear()
        result.update(new)
        return result

    def _list(self, old: Any, values: list[Node]) -> Any:
        result = old if type(old) is list else []
        self._taken[id(result)] = result
        result[:] = self._items(values, list(result))
        return result

    def _items(self, values: list[Node], old: Any) -> list[Any]:
        before = list(old) if isinstance(old, list | tuple) and len(old) == len(values) else [MISSING] * len(values)
        return [self.pour(node, one) for node, one in zip(values, before, strict=True)]

    def _tuple(self, old: Any, values: list[Node]) -> Any:
        return tuple(self._items(values, old))

    def _set(self, old: Any, frozen: bool, values: list[Node]) -> Any:
        return (frozenset if frozen else set)(map(self.decode, values))

    def _named(self, old: Any, kind: str, values: list[Node]) -> Any:
        made: Any = type(old) if hasattr(type(old), "_fields") else kind_of(kind)
        return made(*self._items(values, old))

    def _fields(self, old: Any, kind: str, fields: dict[str, Node]) -> Any:
        """Set the fields past ``__setattr__``, which would note a change of a record."""
        made: Any = kind_of(kind)
        result = old if type(old) is made else made.__new__(made)
        self._taken[id(result)] = result
        before = dict(vars(result))
        vars(result).update({key: self.pour(node, before.get(key, MISSING)) for key, node in fields.items()})
        for key in before.keys() - fields.keys():
            del vars(result)[key]
        return result

    def _weights(self, old: Any, content: dict[str, Any]) -> Any:
        tensors = {name: self.decode(node) for name, node in content["tensors"].items()}
        result = old if isinstance(old, Weights) else Weights({}, self.optimizer if content["steps"] else None)
        for name in result.keys() - tensors.keys():
            del result[name]
        result.restore({**content, "tensors": {}, "slots": {}})
        result.update(tensors)
        result._slots, result._owned = self.decode(content["slots"]), set(content["owned"])
        return result

    def _valued(self, old: Any, parts: dict[str, Node]) -> Any:
        if type(old) not in VALUED:
            raise ValueError(f"a {type(old).__name__} has no values")
        for name, node in parts.items():
            setattr(old, name, self.pour(node, getattr(old, name)))
        return old

    def _rows(self, old: Any, source: list[Any], index: Node) -> Any:
        return LazyBatch(self.names.find(source), self.decode(index))


def _array(scalar: bool, dtype: str, shape: list[int], data: str) -> Any:
    array = np.frombuffer(bytes.fromhex(data), dtype=np.dtype(dtype)).reshape(shape).copy()
    return array[()] if scalar else array


def _stream(state: dict[str, Any]) -> np.random.Generator:
    generator = np.random.Generator(getattr(np.random, state["bit_generator"])())
    generator.bit_generator.state = state
    return generator


_PLAIN: dict[str, Any] = {
    "a": _array,
    "z": torch.Size,
    "y": lambda name: getattr(torch, name),
    "g": _stream,
}
_POURED = {
    "d": "_dict",
    "p": "_pairs",
    "l": "_list",
    "u": "_tuple",
    "s": "_set",
    "n": "_named",
    "o": "_fields",
    "w": "_weights",
    "b": "_rows",
    "v": "_valued",
}
