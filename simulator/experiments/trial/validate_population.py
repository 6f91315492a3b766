"""Check that there is room for the devices of a scenario, and that their figures can be drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.experiments.trial.population import populations
from simulator.settings.humanize import human
from simulator.settings.memory import available_memory

if TYPE_CHECKING:
    from simulator.scenario.scenario import Scenario

LEAST_DEVICE_BYTES = 2000
"""What a device takes at least, in bytes: its site, its links, its client and its rows."""


def check_devices(scenario: Scenario) -> None:
    """Check the number of devices and their populations, before anything is made of them.

    Raises:
        ScenarioError: there are more devices than memory has room for, or a figure that makes no sense was drawn; the
            message names the line.
    """
    groups, available = scenario.world.devices, available_memory()
    needed = LEAST_DEVICE_BYTES * scenario.world.clients
    if needed > available:
        index = max(range(len(groups)), key=lambda each: groups[each].count)
        others = scenario.world.clients - groups[index].count
        most = available // LEAST_DEVICE_BYTES - others
        problem = (
            f"{scenario.world.clients:,} devices take at least {human('bytes', needed)} of memory, and "
            f"{human('bytes', available)} are available"
        )
        allowed = f"at most {most:,} here" if most > 0 else None
        raise scenario.error(("world", "devices", index, "count"), groups[index].count, problem, allowed)
    for seed in scenario.seeds if any(group.population for group in groups) else ():
        populations(scenario, seed)
