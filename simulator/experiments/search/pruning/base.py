"""The contract of pruning: an Optuna pruner, which compares the curve of a trial with those of earlier ones.

The curves are accuracies by round. A trial knows those that were complete when it was suggested.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from simulator.settings.base import Settings
from simulator.settings.plugins import Plugins

if TYPE_CHECKING:
    from optuna.pruners import BasePruner


class Pruning(Settings):
    """A way to decide which trials are given up before their end."""

    name: ClassVar[str]

    def make(self) -> BasePruner | None:
        """Return an Optuna pruner for curves of which more is better; None if no trial is ever given up."""
        raise NotImplementedError


PRUNING = Plugins("simulator.experiments.search.pruning", "Pruning", "sfsim.pruning")
