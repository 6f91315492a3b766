"""Every cohort as likely as any other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from simulator.scheduling.selection.base import Selection
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.world.clients import Client


class Uniform(Selection):
    """Each cohort of this size is as likely as any other (McMahan et al., 2017, Algorithm 1)."""

    name: ClassVar[str] = "uniform"

    def choose(self, clients: Sequence[Client], size: int, round: int, seeds: Seeds) -> list[Client]:
        order = seeds.stream("cohort", round).permutation(len(clients))
        ordered = (clients[index] for index in order)
        return [client for client in ordered if client.fits and client.site.away_since is None][:size]
