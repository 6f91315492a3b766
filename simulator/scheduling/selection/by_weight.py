"""Selection in proportion to the number of samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from simulator.scheduling.selection.base import Selection, weighted
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.world.clients import Client


class ByWeight(Selection):
    """Clients are drawn one after the other, without replacement, in proportion to the number of their samples.

    FedProx (Li et al., 2020; from memory) chooses in proportion to samples, and then takes a plain mean. A mean that is
    weighted by samples, as algorithms here take it, counts clients with many samples twice.
    """

    name: ClassVar[str] = "by_weight"

    def choose(self, clients: Sequence[Client], size: int, round: int, seeds: Seeds) -> list[Client]:
        samples = [len(client.data) for client in clients]
        return weighted(clients, samples, seeds.stream("cohort", round))[:size]
