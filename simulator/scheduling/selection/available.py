"""Selection of those that will stay for long enough."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar

from simulator.scheduling.selection.base import Selection, predicted_seconds, shuffled
from simulator.settings.bounds import PositiveFactor
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.world.clients import Client


class Available(Selection):
    """Uniform random selection among those that are expected to stay until their round is over.

    How long a device stays is what its presence says: a plan where there is one (``day_night``, and traces, whose
    recorded stay is taken for the device's plan), a mean where it comes and goes at random. A device that is always
    there stays for ever, and needs no prediction of its round. If too few stay, the cohort is smaller; if nobody does,
    the one that gets furthest takes part.

    Attributes:
        margin: how many times its predicted seconds a client must be expected to stay.
    """

    name: ClassVar[str] = "available"
    depends_on_time: ClassVar[bool] = True
    margin: PositiveFactor = 1.0

    def choose(self, clients: Sequence[Client], size: int, round: int, seeds: Seeds) -> list[Client]:
        candidates = shuffled(clients, seeds.stream("cohort", round))
        chosen, shares = list[Any](), list[float]()
        for client in candidates:  # one by one: a prediction is a dry run
            if len(chosen) == size:
                break
            shares.append(_share(client))
            if shares[-1] >= self.margin:
                chosen.append(client)
        if candidates and not chosen:
            chosen.append(candidates[max(range(len(shares)), key=shares.__getitem__)])
        return chosen


def _share(client: Client) -> float:
    """Return the time that a client is expected to stay, as a multiple of the predicted seconds of its round."""
    presence = getattr(client.site, "presence", None)
    stay = inf if presence is None else float(presence.expected_stay(client.site.world.now))
    return stay if stay == inf else stay / max(predicted_seconds(client), 1e-9)
