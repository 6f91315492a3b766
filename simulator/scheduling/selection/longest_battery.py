"""Selection of those whose batteries are fullest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from simulator.scheduling.selection.base import Selection, shuffled
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.world.clients import Client


class LongestBattery(Selection):
    """The devices with the highest state of charge are chosen; one without a battery counts as full, and equals are
    drawn.
    """

    name: ClassVar[str] = "longest_battery"
    depends_on_time: ClassVar[bool] = True

    def choose(self, clients: Sequence[Client], size: int, round: int, seeds: Seeds) -> list[Client]:
        candidates = shuffled(clients, seeds.stream("cohort", round))
        return sorted(candidates, key=_charge, reverse=True)[:size]


def _charge(client: Client) -> float:
    """Return the state of charge of a client's battery, as a fraction of its capacity."""
    battery = getattr(client.site, "battery", None)
    return 1.0 if battery is None else float(battery.level)
