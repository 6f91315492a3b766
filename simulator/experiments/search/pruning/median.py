"""Pruning by the median of earlier curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, NonNegativeInt

from simulator.experiments.search.pruning.base import Pruning

if TYPE_CHECKING:
    from optuna.pruners import BasePruner


class Median(Pruning):
    """A trial is given up if its best accuracy so far is below the median of what earlier trials had in that round.

    Rounds are compared, not what they cost: where traffic, time or energy to a target are looked for, a point with
    cheap rounds that learns slowly may be given up although it would have been the best.

    Attributes:
        after: how many rounds every trial may take.
        first: how many points are run to their end before any is given up.
    """

    name: ClassVar[str] = "median"
    after: NonNegativeInt = 2
    first: Annotated[int, Field(ge=1)] = 5

    def make(self) -> BasePruner | None:
        """Return the pruner."""
        from optuna.pruners import MedianPruner

        return MedianPruner(n_startup_trials=self.first, n_warmup_steps=self.after + 1)  # it counts from round 0
