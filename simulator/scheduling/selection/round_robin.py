"""Round robin: clients in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from simulator.scheduling.selection.base import Selection, eligible
from simulator.settings.seeds import Seeds
from simulator.world.store import Store

if TYPE_CHECKING:
    from simulator.world.clients import Client


@dataclass(eq=False)
class Turn(Store):
    """Whose turn it is, in the server's store.

    Attributes:
        next: the index of the client whose turn is next, in the order of the scenario.
    """

    next: int = 0


class RoundRobin(Selection):
    """Clients take turns in the order of the scenario; each draw goes on where the last one stopped.

    A client that cannot take part when its turn comes, or still is in flight, is passed over until its next turn.
    """

    name: ClassVar[str] = "round_robin"

    def choose(self, clients: Sequence[Client], size: int, round: int, seeds: Seeds) -> list[Client]:
        candidates = eligible(clients)
        if not candidates or size < 1:
            return []
        everybody = candidates[0].site.world.clients
        places = {client: place for place, client in enumerate(everybody)}
        turn = candidates[0].server.store(Turn)
        candidates.sort(key=lambda client: (places[client] - turn.next) % len(everybody))
        chosen = candidates[:size]
        turn.next = (places[chosen[-1]] + 1) % len(everybody)
        return chosen
