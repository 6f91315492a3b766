"""Weights: name -> tensor, and how they are stepped."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any, Protocol
from weakref import WeakSet

import numpy as np
from torch import Tensor

from simulator.accounting.costs import Cost, Piece, work
from simulator.accounting.payload import tree_bytes
from simulator.learning.models.cuts import Ranges
from simulator.learning.optimizers.base import Optimizer, Slots


class Stepped(Protocol):
    """A part of a model, as far as stepping its weights is concerned."""

    ranges: Ranges
    trainable: tuple[str, ...]
    trainable_bytes: int

    def steps(self, optimizer: Optimizer) -> dict[str, Piece]:
        """What a step of this part is made of, by stage."""


class Graded(Protocol):
    """One batch's way through a part: the version of the weights it was computed with, and its gradients."""

    part: Any
    version: int
    grads: dict[str, Tensor]


class Weights(dict[str, Tensor]):
    """Tensors by name, with the optimizer that steps them and its state.

    A step binds new tensors, so that a pass keeps those it was computed with; it writes in place only what it bound
    itself, and only while no other pass is open. Two objects are equal if they are the same.

    Attributes:
        optimizer: the rule of the step; None for weights that nobody steps.
        learning_rate: of the next step.
        random: what passes with dropout are seeded by; None where nothing is dropped.
        round: that they were made ready for.
    """

    __slots__ = (
        *("__weakref__", "_open", "_owned", "_prices", "_slots"),
        *("learning_rate", "optimizer", "random", "round", "version"),
    )
    __hash__ = object.__hash__  # type: ignore[assignment]
    __eq__ = object.__eq__
    __ne__ = object.__ne__

    def __init__(
        self, tensors: Mapping[str, Tensor], optimizer: Optimizer | None = None, learning_rate: float = 0.0
    ) -> None:
        super().__init__(tensors)
        self.reset_optimizer(optimizer, learning_rate)
        self._owned: set[str] = set()
        self._open: WeakSet[Graded] = WeakSet()
        self.version = 0
        self.random: np.random.Generator | None = None
        self.round: int | None = None

    def reset_optimizer(self, optimizer: Optimizer | None, learning_rate: float) -> None:
        """Go on with this optimizer, its state new."""
        self.optimizer, self.learning_rate = optimizer, learning_rate
        self._slots: dict[str, Slots] = {}
        self._prices: dict[tuple[Ranges, ...], Cost] = {}  # of a step

    def state(self, names: Iterable[str] | None = None) -> dict[str, Any]:
        """Return all that the next step depends on, as plain data and tensors: for a checkpoint.

        The rule of the optimizer is a setting and not part of it, and no pass is: save between two steps.

        Args:
            names: of the tensors to save; all of them if nothing is said. Frozen ones need not be saved where they come
                from a backbone.
        """
        return {
            "tensors": {name: self[name].clone() for name in (self if names is None else names)},
            "slots": copy.deepcopy(self._slots),
            "learning_rate": self.learning_rate,
            "round": self.round,
            "version": self.version,
            "random": None if self.random is None else self.random.bit_generator.state,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a ``state``, as the weights that it was taken of would; their optimizer is this one's.

        Raises:
            KeyError: a tensor that was saved is none of these.
        """
        if unknown := [name for name in state["tensors"] if name not in self]:
            raise KeyError(f"these weights have no {', '.join(unknown)}")
        self.update(state["tensors"])
        self._slots = copy.deepcopy(state["slots"])
        self._owned.clear()  # what was restored is the state's: the next step binds new tensors
        self.learning_rate, self.round, self.version = state["learning_rate"], state["round"], state["version"]
        if state["random"] is None:
            self.random = None
        else:
            self.random = np.random.default_rng()
            self.random.bit_generator.state = state["random"]

    def release_copy(self, names: Mapping[str, Any]) -> dict[str, Tensor]:
        """The tensors of these names. They are the receiver's from now on: no later step writes into them."""
        self._owned.difference_update(names)
        return {name: self[name] for name in names}

    def opened(self, one: Graded) -> None:
        """A pass was computed with these weights and will come back for them."""
        self._open.add(one)

    def closed(self, one: Graded) -> None:
        """A pass has been run backward."""
        self._open.discard(one)

    @property
    def earlier_bytes(self) -> int:
        """Bytes of the versions before the newest that open passes still need; of each, a tensor counts once."""
        if not self.version:  # every step was in place: there are none
            return 0
        needed: dict[int, dict[Ranges, Stepped]] = {}
        for one in self._open:
            if one.version != self.version:
                needed.setdefault(one.version, {})[one.part.ranges] = one.part
        return sum(self._trainable_bytes(*parts.values()) for parts in needed.values())

    def _trainable_bytes(self, *parts: Stepped) -> int:
        """Of all these parts together: they may share stages."""
        if len(parts) == 1:  # nearly always, and many names
            return parts[0].trainable_bytes
        return sum(tree_bytes(self[name]) for name in {name for one in parts for name in one.trainable})

    def price(self, *parts: Stepped) -> Cost:
        """Of a step of these parts, each another of one model; worked out once."""
        assert self.optimizer is not None, "these weights have no optimizer: they are not meant to be stepped"
        known = tuple(part.ranges for part in parts)
        if known not in self._prices:
            touched = self.optimizer.passes * self._trainable_bytes(*parts)
            stages = {stage: piece for part in parts for stage, piece in part.steps(self.optimizer).items()}
            self._prices[known] = Cost(bytes_touched=touched, made_of=tuple(stages.values()))
        return self._prices[known]

    def _step_cost(self, *passes: Graded) -> Cost:
        return self.price(*{one.part.ranges: one.part for one in passes}.values())

    def _written(self, *passes: Graded) -> Weights:
        return self

    @work(cost=_step_cost, writes=_written)
    def step(self, *passes: Graded) -> None:
        """Apply the gradients of these passes; those of one name in several passes add."""
        assert self.optimizer is not None
        in_place = not self._open
        if not in_place:
            self.version += 1
        grads: dict[str, Tensor] = {}
        for one in passes:
            for name, grad in one.grads.items():
                grads[name] = grads[name] + grad if name in grads else grad
        for name, grad in grads.items():
            weight = self[name]
            if weight.is_meta:
                continue
            here = in_place and name in self._owned
            slots = self._slots.setdefault(name, {})
            self[name] = self.optimizer.step(weight, grad, slots, self.learning_rate, here)
            self._owned.add(name)
