"""The contract of a selection: which clients take part in a round."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from simulator.settings.base import Settings
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.world.clients import Client


class Selection(Settings):
    """A policy that chooses a cohort. One that ignores time and values gives all algorithms the same cohorts."""

    name: ClassVar[str]

    def choose(self, clients: Sequence[Client], size: int, round: int, seeds: Seeds) -> list[Client]:
        """A cohort of ``size`` clients, or of as many as can take part: those that fit and are not away.

        Args:
            clients: all there are, in the order of the scenario.
            size: of the cohort.
            round: its number, from 1: all that is drawn at random is keyed by it.
            seeds: the random streams of the trial.
        """
        raise NotImplementedError
