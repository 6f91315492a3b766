"""Values of records as plain data and a list of tensors: what a checkpoint can hold.

A value becomes a tree of JSON. None, booleans, numbers and strings stand for themselves; anything else is a list that
begins with a letter, which says what it is (``LETTERS``).
"""

from __future__ import annotations

import copy
from dataclasses import is_dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from simulator.accounting.payload import Frozen
from simulator.learning.data.lazy import LazyBatch
from simulator.learning.models.parts import Part, Pass
from simulator.learning.models.weights import Weights
from simulator.learning.training.alignment import Projected
from simulator.world.store import Live

Node = Any
"""A value as JSON."""
LETTERS = {
    "t": "a tensor, by its place in the list",
    "k": "something that exists without the checkpoint, such as a client or a frozen tensor, by its name",
    "=": "a container that occurred before, by its number",
    "d": "a dict with names as keys",
    "p": "a dict with other keys, as pairs",
    "l": "a list",
    "u": "a tuple",
    "s": "a set",
    "n": "a named tuple",
    "o": "a dataclass",
    "w": "weights with their optimizer state",
    "b": "rows of a source",
    "v": "an object that a replay makes, by those of its attributes that have values",
    "a": "an array of numpy",
    "z": "a shape of torch",
    "y": "a type of torch",
    "g": "a random stream",
}
DICTS: dict[str, type[dict[Any, Any]]] = {"dict": dict, "Live": Live, "Frozen": Frozen}
"""The dicts that can be stored, by name."""
VALUED: dict[type, tuple[str, ...]] = {Pass: ("grads",), Part: ("weights",), Projected: ("weights", "movement")}
"""The attributes of these that hold values; passes have been run backward, so that they are ready for a step."""


class UnstorableError(Exception):
    """A value that no checkpoint can hold; the message says where it is, and what it is."""


class Names(Protocol):
    """What exists without a checkpoint, by name."""

    def name(self, value: Any) -> list[Any] | None:
        """Return the name of a value; None if it has none."""

    def find(self, name: list[Any]) -> Any:
        """Return the value of a name."""


def name_of(kind: type) -> str:
    """Return the name under which ``kind_of`` finds a class."""
    return f"{kind.__module__}:{kind.__qualname__}"


class Encoder:
    """Turns values into trees of JSON; what occurs at several places is stored once.

    Args:
        names: what need not be stored.

    Attributes:
        tensors: the tensors of all values so far.
    """

    def __init__(self, names: Names) -> None:
        self.names = names
        self.tensors: list[Tensor] = []
        self._places: dict[int, int] = {}  # the place of each tensor, by its id
        self._numbers: dict[int, int] = {}  # the number of each container, by its id
        self._alive: list[Any] = []  # whose ids must not be reused

    def encode(self, value: Any, where: str = "") -> Node:
        """Return a value as JSON.

        Args:
            value: the value.
            where: where it is, for a message.

        Raises:
            UnstorableError: something in it cannot be stored.
        """
        if value is None or type(value) in (bool, int, float, str):
            return value
        if isinstance(value, Tensor):
            return self._tensor(value)
        if (known := self.names.name(value)) is not None:
            return ["k", *known]
        if isinstance(value, np.ndarray | np.generic):
            if value.dtype.hasobject:
                raise UnstorableError(f"{where} is an array of objects")
            return ["a", isinstance(value, np.generic), value.dtype.str, list(value.shape), value.tobytes().hex()]
        if isinstance(value, torch.Size):
            return ["z", list(value)]
        if isinstance(value, torch.dtype):
            return ["y", str(value).removeprefix("torch.")]
        if isinstance(value, np.random.Generator):
            return ["g", value.bit_generator.state]
        if id(value) in self._numbers:
            number = self._numbers[id(value)]
            if number < 0:
                raise UnstorableError(f"{where} contains itself")
            return ["=", number]
        return self._container(value, where)

    def has(self, container: Any) -> bool:
        """Return whether a container is among the values so far, since ``part``."""
        return id(container) in self._numbers

    def part(self) -> None:
        """Begin with values that have no container in common with those so far."""
        self._numbers = {}

    def _tensor(self, tensor: Tensor) -> Node:
        if id(tensor) not in self._places:
            if (known := self.names.name(tensor)) is not None:
                return ["k", *known]
            self._places[id(tensor)] = len(self.tensors)
            self.tensors.append(tensor)
        return ["t", self._places[id(tensor)]]

    def _container(self, value: Any, where: str) -> Node:
        self._alive.append(value)
        number = len(self._alive)
        self._numbers[id(value)] = -number  # under way
        node = self._of(value, number, where)
        self._numbers[id(value)] = number
        return node

    def _of(self, value: Any, number: int, where: str) -> Node:
        kind = type(value)
        if isinstance(value, Weights):
            return ["w", number, self._weights(value, where)]
        if kind in DICTS.values():
            if all(type(key) is str for key in value):
                return [
                    "d",
                    number,
                    kind.__name__,
                    {key: self.encode(v, f"{where}[{key!r}]") for key, v in value.items()},
                ]
            pairs = [[self.encode(k, f"a key of {where}"), self.encode(v, f"{where}[{k!r}]")] for k, v in value.items()]
            return ["p", number, kind.__name__, pairs]
        if kind is list or kind is tuple:
            return ["l" if kind is list else "u", number, self._items(value, where)]
        if kind is set or kind is frozenset:
            return ["s", number, kind is frozenset, self._items(value, where)]
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return ["n", number, name_of(kind), self._items(value, where)]
        if isinstance(value, LazyBatch):
            source = self.names.name(value.source)
            if source is None:
                raise UnstorableError(f"{where} has rows of an unknown source")
            return ["b", number, source, self._tensor(value.index)]
        if kind in VALUED:
            if getattr(value, "_tape", None) is not None:
                raise UnstorableError(f"{where} is a pass that was not run backward")
            parts = {name: self.encode(getattr(value, name), f"{where}.{name}") for name in VALUED[kind]}
            return ["v", number, parts]
        if is_dataclass(value) and not isinstance(value, type):
            fields = {key: self.encode(part, f"{where}.{key}") for key, part in vars(value).items()}
            return ["o", number, name_of(kind), fields]
        raise UnstorableError(f"{where} is a {kind.__qualname__}")

    def _items(self, values: Any, where: str) -> list[Node]:
        return [self.encode(value, f"{where}[{index}]") for index, value in enumerate(values)]

    def _weights(self, weights: Weights, where: str) -> Node:
        return {
            "tensors": {name: self._tensor(tensor) for name, tensor in weights.items()},
            "slots": self.encode(weights._slots, f"the optimizer state of {where}"),
            "learning_rate": weights.learning_rate,
            "round": weights.round,
            "version": weights.version,
            "random": None if weights.random is None else weights.random.bit_generator.state,
            "steps": weights.optimizer is not None,
            "owned": sorted(weights._owned),
        }


def snapshot(weights: Weights) -> Weights:
    """Return a copy of weights that no later step of theirs changes."""
    twin = Weights(weights, weights.optimizer, weights.learning_rate)
    twin.update({name: weights[name].clone() for name in weights._owned})
    twin._slots, twin.round, twin.version = copy.deepcopy(weights._slots), weights.round, weights.version
    twin.random = copy.deepcopy(weights.random)
    return twin
