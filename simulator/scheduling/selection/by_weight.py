"""Selection in proportion to the number of samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from simulator.scheduling.selection.base import Selection, weighted
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.world.clients import Client


class ByWeight(Selection):
    """Clients drawn one after the other, without replacement, in proportion to the number of their samples.

    Li et al. (FedProx, 2020, Algorithm 2) draw so. Whoever averages by the number of samples, as algorithms here do,
    counts clients with many samples twice: by how often they are chosen, and by their weight.
    """

    name: ClassVar[str] = "by_weight"

    def choose(self, clients: Sequence[Client], size: int, round: int, seeds: Seeds) -> list[Client]:
        samples = [len(client.data) for client in clients]
        return weighted(clients, samples, seeds.stream("cohort", round))[:size]
