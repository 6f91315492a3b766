"""Everyone takes part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from simulator.scheduling.selection.base import Selection, eligible
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.world.clients import Client


class All(Selection):
    """Everyone that can take part does; ``clients_per_round`` is not used.

    Asynchronous drivers keep their bound on how many train at the same time.
    """

    name: ClassVar[str] = "all"

    def choose(self, clients: Sequence[Client], size: int, round: int, seeds: Seeds) -> list[Client]:
        return eligible(clients)
