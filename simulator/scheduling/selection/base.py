"""The contract of client selection: which clients take part in a round."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from simulator.settings.base import Settings
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.world.clients import Client


class Selection(Settings):
    """A policy that selects the cohort of a round.

    A policy that depends neither on simulated time nor on tensor values selects the same cohorts for all algorithms.
    """

    name: ClassVar[str]

    def choose(self, clients: Sequence[Client], size: int, round: int, seeds: Seeds) -> list[Client]:
        """Return a cohort of ``size`` clients, or fewer if fewer can take part: those that fit and are not away.

        Args:
            clients: all clients, in the order of the scenario.
            size: the size of the cohort.
            round: the number of the round, from 1; all random draws are keyed by it.
            seeds: the random streams of the trial.
        """
        raise NotImplementedError
