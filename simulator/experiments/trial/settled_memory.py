"""When a dry run whose memory is all that is asked for may end before its last round.

It may where nothing is near a limit. The memory of a round depends on its cohort, and no rule bounds that of all
algorithms, so what is not far from a limit is looked at to the end, as it is before a run.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from simulator.experiments.trial.build import devices

if TYPE_CHECKING:
    from simulator.experiments.trial.simulate import Simulation
    from simulator.scenario.scenario import Entry, Scenario

FEWEST_ROUNDS = 20
"""The rounds that are always looked at."""
MARGIN = 2
"""How often what a site needed must fit into its memory."""


class SettledMemory:
    """Tells of a dry run, round by round, whether those to come can be left out.

    Args:
        scenario: what is run.
        simulation: the dry run.
    """

    def __init__(self, scenario: Scenario, simulation: Simulation) -> None:
        self._world, self._group = simulation.world, dict(devices(scenario.world))
        self._peaks: list[int] = []
        self._grown = 0
        self._times: Counter[str] = Counter()

    def is_settled(self) -> bool:
        """Tell whether nothing has needed more memory for half of the rounds, and all need far less than there is.

        Devices that have not taken part yet are taken to need as much as those of their group that have, or more by
        as much as their shards are larger. To be asked after each round.
        """
        world, number = self._world, self._world.aggregations
        peaks = [site.memory.peak_bytes for site in world.sites]
        if peaks != self._peaks:
            self._peaks, self._grown = peaks, number
        self._times.update(client.name for client in world.clients if number and client.round_index == number)
        if number < FEWEST_ROUNDS or 2 * self._grown > number:
            return False
        able = [client for client in world.clients if client.fits]
        known = {self._group[name] for name, times in self._times.items() if times > 1}
        if not known.issuperset(self._group[client.name] for client in able):
            return False
        seen = min(len(client.data) for client in able if self._times[client.name])
        return self._has_room(max(len(client.data) for client in able) / max(1, seen))

    def _has_room(self, larger: float) -> bool:
        """Tell whether each site, or the fullest of its group, has room for so many times what it needed."""
        fullest: dict[str | int, int] = {}
        for site in self._world.sites:
            kind = self._group.get(site.name, site.name)
            fullest[kind] = max(fullest.get(kind, 0), site.memory.peak_bytes)
        return all(
            MARGIN * larger * fullest[self._group.get(site.name, site.name)] <= site.hardware.memory
            for site in self._world.sites
        )


def can_settle(scenario: Scenario, entry: Entry) -> bool:
    """Tell whether the memory of an entry is that of some rounds, as far as one knows before.

    It is not where seconds decide what is at a site at once, and nothing is known of what a plug-in does. Where a trace
    of carbon intensities could be too short, or works may share a pass, what is asked for is more than memory.
    """
    world, training = scenario.world, entry.training
    sites = (world.server, *world.edges)
    return (
        training.driver.name == "synchronous"
        and training.budget is None
        and not (training.selection.depends_on_time or training.selection.needs_values)
        and world.calm() is world
        and not any(world.signals())
        and not any(site.batching for site in sites)
        and scenario.carbon is None
        and all(_is_ours(settings) for settings in (entry, world, scenario.data))
    )


def _is_ours(value: Any) -> bool:
    """Tell whether settings, and all settings in them, are of classes of this package."""
    if isinstance(value, BaseModel):
        ours = type(value).__module__.startswith("simulator.")
        return ours and all(_is_ours(getattr(value, key)) for key in type(value).model_fields)
    if isinstance(value, dict):
        return all(map(_is_ours, value.values()))
    return not isinstance(value, tuple | list) or all(map(_is_ours, value))
