"""The weights of a model, name -> tensor, and their optimizer steps."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol
from weakref import WeakSet

import numpy as np
from torch import Tensor

from simulator.accounting.costs import Cost, Piece, work
from simulator.accounting.payload import tree_bytes
from simulator.learning.models.cuts import Ranges
from simulator.learning.optimizers.base import Optimizer, Slots


class Stepped(Protocol):
    """What an optimizer step needs to know of a part of a model; see ``Part``."""

    model: Any
    ranges: Ranges
    trainable: tuple[str, ...]
    trainable_bytes: int

    def steps(self, optimizer: Optimizer) -> dict[str, Piece]:
        """Return the pieces of an optimizer step of this part, by stage."""


class Graded(Protocol):
    """What an optimizer step needs to know of a pass; see ``Pass``.

    Attributes:
        part: the part that the batch went through.
        version: the version of the weights that the pass was computed with.
        grads: name -> gradient.
    """

    part: Any
    version: int
    grads: dict[str, Tensor]


class Weights(dict[str, Tensor]):
    """Tensors by name, with the optimizer that steps them and its state.

    A step binds new tensors, so that an open pass keeps those it was computed with. It writes in place only into
    tensors that an earlier step has bound, and only while no other pass is open. Objects are compared by identity.

    Attributes:
        optimizer: the rule of the step; None for weights that are never stepped.
        learning_rate: the rate of the next step.
        random: the random stream that seeds passes with dropout; None where there is no dropout.
        round: the round that the weights are prepared for; None before ``Task.start_round``.
        version: how many steps have bound new tensors because a pass was open.
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
        self._open: WeakSet[Graded] | None = None  # None where no pass is open
        self.version = 0
        self.random: np.random.Generator | None = None
        self.round: int | None = None

    def reset_optimizer(self, optimizer: Optimizer | None, learning_rate: float) -> None:
        """Continue with this optimizer at this learning rate, and with an empty optimizer state."""
        self.optimizer, self.learning_rate = optimizer, learning_rate
        self._slots: dict[str, Slots] = {}
        self._prices: dict[tuple[Ranges, ...], Cost] | None = None  # shared by all weights with this optimizer

    def state(self, names: Iterable[str] | None = None) -> dict[str, Any]:
        """Return all that the next step depends on, as plain data and tensors, for a checkpoint.

        The optimizer itself is a setting and is not included. Open passes are not included either, so a state is to be
        saved between two steps.

        Args:
            names: the names of the tensors to save; None: all of them. Frozen tensors need not be saved where they come
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
        """Continue from a saved ``state``; the optimizer must be the same as when it was saved.

        Raises:
            KeyError: the state has a tensor that these weights do not have.
        """
        if unknown := [name for name in state["tensors"] if name not in self]:
            raise KeyError(f"these weights have no {', '.join(unknown)}")
        self.update(state["tensors"])
        self._slots = copy.deepcopy(state["slots"])
        self._owned.clear()  # the tensors belong to the state, so the next step must bind new ones
        self.learning_rate, self.round, self.version = state["learning_rate"], state["round"], state["version"]
        if state["random"] is None:
            self.random = None
        else:
            self.random = np.random.default_rng()
            self.random.bit_generator.state = state["random"]

    def release_copy(self, names: Mapping[str, Any]) -> dict[str, Tensor]:
        """Hand out the tensors of these names; no later step writes into them."""
        self._owned.difference_update(names)
        return self.some(tuple(names))

    def some(self, names: tuple[str, ...]) -> dict[str, Tensor]:
        """Return the tensors with these names, by name."""
        return {name: self[name] for name in names}

    def opened(self, one: Graded) -> None:
        """Note that a pass was computed with these weights and is still to be run backward."""
        if self._open is None:
            self._open = WeakSet()
        self._open.add(one)

    def closed(self, one: Graded) -> None:
        """Note that a pass has been run backward."""
        if self._open is not None:
            self._open.discard(one)
            if not self._open:
                self._open = None

    @property
    def earlier_bytes(self) -> int:
        """The bytes of all earlier versions that open passes still need; each tensor counts once per version."""
        if not self.version:  # every step was in place, so there is only one version
            return 0
        needed: dict[int, dict[Ranges, Stepped]] = {}
        for unfinished in self._open or ():
            if unfinished.version != self.version:
                needed.setdefault(unfinished.version, {})[unfinished.part.ranges] = unfinished.part
        return sum(self._trainable_bytes(*parts.values()) for parts in needed.values())

    def _trainable_bytes(self, *parts: Stepped) -> int:
        """Return the bytes of the trained parameters of some parts, which may share stages."""
        if len(parts) == 1:  # the usual case, where no name has to be looked up
            return parts[0].trainable_bytes
        return sum(tree_bytes(self[name]) for name in {name for part in parts for name in part.trainable})

    def price(self, *parts: Stepped) -> Cost:
        """Return the cost of a step of some distinct parts of one model."""
        assert self.optimizer is not None, "these weights have no optimizer: they are not meant to be stepped"
        key = tuple(part.ranges for part in parts)
        if self._prices is None:
            self._prices = parts[0].model.step_prices(self.optimizer)
        if key not in self._prices:
            touched = self.optimizer.passes * self._trainable_bytes(*parts)
            stages = {stage: piece for part in parts for stage, piece in part.steps(self.optimizer).items()}
            self._prices[key] = Cost(bytes_touched=touched, made_of=tuple(stages.values()))
        return self._prices[key]

    def _step_cost(self, *passes: Graded) -> Cost:
        return self.price(*{computed.part.ranges: computed.part for computed in passes}.values())

    def _written(self, *passes: Graded) -> Weights:
        return self

    @work(cost=_step_cost, writes=_written)
    def step(self, *passes: Graded) -> None:
        """Take a step along the gradients of some passes; those of the same parameter are added up."""
        in_place = not self._open
        if not in_place:
            self.version += 1
        self._move(passes, in_place)

    def _move(self, passes: Sequence[Graded], in_place: bool) -> None:
        """Step all tensors that have gradients.

        Args:
            passes: the passes with the gradients.
            in_place: whether to write into tensors that an earlier step has bound.
        """
        assert self.optimizer is not None
        grads: dict[str, Tensor] = {}
        for computed in passes:
            for name, grad in computed.grads.items():
                grads[name] = grads[name] + grad if name in grads else grad
        for name, grad in grads.items():
            weight = self[name]
            if weight.is_meta:
                continue
            writable = in_place and name in self._owned
            slots = self._slots.setdefault(name, {})
            self[name] = self.optimizer.step(weight, grad, slots, self.learning_rate, writable)
            self._owned.add(name)
