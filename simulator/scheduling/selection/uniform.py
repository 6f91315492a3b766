"""Uniform selection: every cohort is equally likely."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from simulator.scheduling.selection.base import Selection, shuffled
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.world.clients import Client


class Uniform(Selection):
    """Uniform random selection: all cohorts of this size are equally likely (McMahan et al., 2017, Algorithm 1)."""

    name: ClassVar[str] = "uniform"

    def choose(self, clients: Sequence[Client], size: int, round: int, seeds: Seeds) -> list[Client]:
        return shuffled(clients, seeds.stream("cohort", round), size)
