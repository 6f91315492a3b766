"""FedCS: as many clients as are back before a deadline, by predicted times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

from pydantic import Field

from simulator.scheduling.selection.base import Selection, predicted_seconds, shuffled
from simulator.settings.bounds import Devices
from simulator.settings.errors import UnfitError
from simulator.settings.humanize import human
from simulator.settings.seeds import Seeds
from simulator.settings.units import DURATION, Duration

if TYPE_CHECKING:
    from simulator.world.clients import Client


class Schedule(NamedTuple):
    """A cohort's predicted times, in seconds from the start of the round.

    Attributes:
        received: when all have the model.
        sent: when the last upload ends, counted from ``received``.
    """

    received: float = 0.0
    sent: float = 0.0

    @property
    def seconds(self) -> float:
        """When the round is over."""
        return self.received + self.sent

    def with_one_more(self, client: Client) -> Schedule:
        """Return the schedule with this client's upload after those of the others."""
        forecast, first = client.forecast(), predicted_seconds(client)
        download = max(0.0, forecast.download_s + first - forecast.seconds)
        update = max(0.0, first - download - forecast.upload_s)
        return Schedule(max(self.received, download), max(self.sent, update) + forecast.upload_s)


class FedCS(Selection):
    """FedCS (Nishio and Yonetani, 2019, arXiv 1804.08333, Algorithm 3; from memory): as many clients as are predicted
    to be back before a deadline.

    Candidates are drawn at random. Then the one that prolongs the round least is added again and again, if the round
    is still over before the deadline. As in the paper, all have the model when the slowest has received it, and uploads
    follow one another. A client's times are those of its predicted round alone: receiving is the time for which its
    downlink is busy (in its first round also all that this takes longer than later ones), sending that for which its
    uplink is, and all the rest, the server's part included, is its update time. Selecting takes no time.

    If none of the candidates is back in time, others are drawn; if none of those that are there is, the fastest takes
    part alone. ``clients_per_round`` bounds the cohort, which the paper does not. The links of the scenario need not be
    shared as the paper's are, so rounds may well be shorter than predicted.

    Attributes:
        deadline: the longest duration of a round.
        candidates: how many candidates are drawn; null for all that can take part.
    """

    name: ClassVar[str] = "fedcs"
    depends_on_time: ClassVar[bool] = True
    deadline: Annotated[Duration, Field(gt=0)]
    candidates: Devices | None = None

    def choose(self, clients: Sequence[Client], size: int, round: int, seeds: Seeds) -> list[Client]:
        drawn = shuffled(clients, seeds.stream("cohort", round))
        pool = self.candidates or len(drawn)
        for start in range(0, len(drawn), max(pool, 1)):
            chosen = self._back_in_time(drawn[start : start + pool], size)
            if chosen:
                return chosen
        if not drawn:
            return []
        self._check_reachable(drawn[0].site.world.clients)
        return [min(drawn, key=predicted_seconds)]

    def _back_in_time(self, candidates: Sequence[Client], size: int) -> list[Client]:
        """Add candidates one by one, at most ``size``, as long as they are back before the deadline."""
        left, chosen, schedule = list(candidates), list[Any](), Schedule()
        while left and len(chosen) < size:
            after = {client: schedule.with_one_more(client) for client in left}
            best = min(left, key=lambda client: after[client].seconds)
            if after[best].seconds > self.deadline:  # then none of those that are left is back in time
                break
            chosen.append(best)
            left.remove(best)
            schedule = after[best]
        return chosen

    def _check_reachable(self, clients: Sequence[Client]) -> None:
        """Raise ``UnfitError`` if not even the fastest of all clients is back before the deadline."""
        fastest = min((client for client in clients if client.fits), key=predicted_seconds)
        seconds = predicted_seconds(fastest)
        if seconds > self.deadline:
            least = f"a round of the fastest, {fastest.name}, takes {human('seconds', seconds)}"
            problem = f"nobody is back by then: {least}"
            raise UnfitError(("training", "selection", "deadline"), DURATION.format(self.deadline), problem)
