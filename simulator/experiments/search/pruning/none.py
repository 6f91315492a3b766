"""No pruning."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from simulator.experiments.search.pruning.base import Pruning

if TYPE_CHECKING:
    from optuna.pruners import BasePruner


class NoPruning(Pruning):
    """Every trial is run to its end."""

    name: ClassVar[str] = "none"

    def make(self) -> BasePruner | None:
        """Return None."""
        return None
