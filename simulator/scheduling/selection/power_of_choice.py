"""Power of choice: of random candidates, those with the highest losses."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING, ClassVar

from simulator.scheduling.selection.base import Selection, weighted
from simulator.scheduling.selection.losses import ReportedLosses
from simulator.settings.bounds import Devices
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.world.clients import Client


class PowerOfChoice(Selection):
    """Power of choice (Cho et al., 2022, arXiv 2010.01243, the variant rpow-d; from memory): candidates are drawn in
    proportion to the number of their samples, and those with the highest losses are chosen.

    The loss of a client is the mean over the batches of its last engagement, as it reported it then, so that nothing
    more is sent. Who has never trained has an infinite loss and comes first; equals are taken as they were drawn.

    Attributes:
        candidates: how many candidates are drawn (d); never fewer than the cohort needs.
    """

    name: ClassVar[str] = "power_of_choice"
    needs_values: ClassVar[str | None] = "the losses that clients report"
    needs_losses: ClassVar[bool] = True
    candidates: Devices

    def choose(self, clients: Sequence[Client], size: int, round: int, seeds: Seeds) -> list[Client]:
        samples = [len(client.data) for client in clients]
        drawn = weighted(clients, samples, seeds.stream("cohort", round))[: max(self.candidates, size)]
        return sorted(drawn, key=_last_loss, reverse=True)[:size]


def _last_loss(client: Client) -> float:
    loss = client.server.store(ReportedLosses).mean(client.name)
    return inf if loss is None else loss
