"""The weights of a model in a dry run: tensors without values, which all that have equal ones share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from simulator.accounting.copy_on_write import CopyOnWrite, Delegating, Entries, Known
from simulator.learning.models.weights import Graded, Weights
from simulator.learning.optimizers.base import Optimizer, Slots

_NO_NAMES: set[str] = set()
_NO_SLOTS: dict[str, Slots] = {}
"""These two are what weights have that are never really stepped, and are never changed."""


class DryWeights(Delegating, Weights):
    """Weights without values: a step changes no tensor, and tables of names are shared with equal weights.

    Like all weights, objects are compared by identity.

    Args:
        entries: the tensors by name.
        optimizer: the rule of the step; None for weights that are never stepped.
        learning_rate: the rate of the next step.
    """

    __slots__ = ("_items", "entries")
    __hash__ = object.__hash__  # type: ignore[assignment]
    __eq__ = object.__eq__
    __ne__ = object.__ne__

    def __init__(self, entries: Entries, optimizer: Optimizer | None = None, learning_rate: float = 0.0) -> None:
        self.share(entries)
        self._open, self._owned = None, _NO_NAMES
        self.version = 0
        self.random = self.round = None
        self.reset_optimizer(optimizer, learning_rate)

    def reset_optimizer(self, optimizer: Optimizer | None, learning_rate: float) -> None:
        self.optimizer, self.learning_rate, self._prices, self._slots = optimizer, learning_rate, None, _NO_SLOTS

    def some(self, names: tuple[str, ...]) -> dict[str, Tensor]:
        if self.entries is None:
            return super().some(names)
        return CopyOnWrite(self.entries.some(names))

    def _move(self, passes: Sequence[Graded], in_place: bool) -> None:
        """Change nothing: there are no values."""


class Overlaid:
    """All weights of a model with some replaced; the same entries for the same replacements.

    Args:
        backbone: all weights, by name.

    Attributes:
        backbone: all weights.
    """

    def __init__(self, backbone: Mapping[str, Tensor]) -> None:
        self._known, self._whole = Known(), Known()
        self.backbone = self._whole.of(backbone)
        self._results: dict[int, tuple[Entries, Entries]] = {}  # by id of the replacements, which the value keeps alive

    def with_all(self, tensors: Mapping[str, Tensor]) -> Entries:
        """Return the entries of all weights, with these in place of the backbone's own."""
        own = self._known.of(tensors)
        found = self._results.get(id(own))
        if found is None:
            if len(self._results) >= 256:
                self._results.clear()
            found = self._results[id(own)] = own, self._whole.of({**self.backbone.tensors, **own.tensors})
        return found[1]
