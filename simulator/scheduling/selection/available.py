"""Selection of those that will stay for long enough."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from simulator.scheduling.selection.base import Selection, predicted_seconds, shuffled
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.world.clients import Client


class Available(Selection):
    """Uniform random selection among those that are expected to stay until their round is over.

    How long a device stays is what its presence says on average, not the future itself. A device that is always there
    stays for ever, and needs no prediction of its round. If too few stay, the cohort is smaller.

    Attributes:
        margin: how many times its predicted seconds a client must be expected to stay.
    """

    name: ClassVar[str] = "available"
    depends_on_time: ClassVar[bool] = True
    margin: float = Field(1.0, gt=0)

    def choose(self, clients: Sequence[Client], size: int, round: int, seeds: Seeds) -> list[Client]:
        candidates = shuffled(clients, seeds.stream("cohort", round))
        chosen: list[Client] = []
        for client in candidates:  # one by one: a prediction is a dry run
            if len(chosen) == size:
                break
            if self._stays(client):
                chosen.append(client)
        return chosen

    def _stays(self, client: Client) -> bool:
        presence = getattr(client.site, "presence", None)
        if presence is None:
            return True
        stay = float(presence.expected_stay(client.site.world.now))
        return stay == inf or stay >= self.margin * predicted_seconds(client)
