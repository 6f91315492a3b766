"""FedCS: as many clients as are back before a deadline, by predicted times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from pydantic import PositiveInt, field_validator

from simulator.scheduling.selection.base import Selection, predicted_seconds, shuffled
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

    ``clients_per_round`` bounds the cohort, which the paper does not. The links of the scenario need not be shared as
    the paper's are, so rounds may well be shorter than predicted.

    Attributes:
        deadline: the longest duration of a round.
        candidates: how many candidates are drawn; null for all that can take part.
    """

    name: ClassVar[str] = "fedcs"
    depends_on_time: ClassVar[bool] = True
    deadline: Duration
    candidates: PositiveInt | None = None

    @field_validator("deadline")
    @classmethod
    def _some_time(cls, deadline: float) -> float:
        if not deadline:
            raise ValueError("it is zero, and must be more than 0")
        return deadline

    def choose(self, clients: Sequence[Client], size: int, round: int, seeds: Seeds) -> list[Client]:
        drawn = shuffled(clients, seeds.stream("cohort", round))
        left, schedule = drawn[: self.candidates], Schedule()
        chosen: list[Client] = []
        while left and len(chosen) < size:
            after = {client: schedule.with_one_more(client) for client in left}
            best = min(left, key=lambda client: after[client].seconds)
            if after[best].seconds > self.deadline:  # then none of those that are left is back in time
                break
            chosen.append(best)
            left.remove(best)
            schedule = after[best]
        if not chosen and drawn:
            self._check_reachable(drawn)
        return chosen

    def _check_reachable(self, clients: Sequence[Client]) -> None:
        """Raise ``UnfitError`` if not even the fastest client is back before the deadline."""
        fastest = min(clients, key=predicted_seconds)
        seconds = predicted_seconds(fastest)
        if seconds > self.deadline:
            problem = (
                f"nobody is back by then: a round of the fastest, {fastest.name}, takes {human('seconds', seconds)}"
            )
            raise UnfitError(("training", "selection", "deadline"), DURATION.format(self.deadline), problem)
