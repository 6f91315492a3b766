"""Give the sites of a trial what can go wrong: presences, batteries, dropouts and outages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.settings.errors import located
from simulator.world.attendance import follow, have_outages
from simulator.world.dropout import Dropout

if TYPE_CHECKING:
    from simulator.scenario.scenario import Scenario
    from simulator.scenario.sites import DeviceSettings
    from simulator.settings.seeds import Seeds
    from simulator.world.sites import Site


def has_faults(group: DeviceSettings) -> bool:
    """Return whether ``let_down`` does anything to the devices of a group."""
    return group.battery is not None or group.presence is not None or any(group.dropout.values())


def let_down(scenario: Scenario, group: int, device: Site, seeds: Seeds) -> None:
    """Have a device come and go, run on a battery and drop out, as far as its group does.

    Args:
        scenario: the scenario.
        group: the index of the device's group.
        device: the device.
        seeds: the random streams of the trial.

    Raises:
        ScenarioError: nothing is known of when this device is there; the message names the line.
    """
    settings = scenario.world.devices[group]
    if settings.battery is not None:
        settings.battery.put_into(device)
    if any(settings.dropout.values()):
        device.dropout = Dropout(device.name, settings.dropout, seeds)
    if settings.presence is not None and settings.presence.name != "always":
        with located(scenario, "world", "devices", group, "presence"):
            device.presence = settings.presence.sample(device.name, seeds)
        follow(device, device.presence)


def interrupt(scenario: Scenario, server: Site, seeds: Seeds) -> None:
    """Have the server away at times, if the scenario says so; the arguments are those of ``let_down``."""
    outages = scenario.world.server.outages
    if outages is not None:
        have_outages(server, outages.sample(seeds), outages.patience)
