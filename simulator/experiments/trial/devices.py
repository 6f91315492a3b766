"""The devices of a world, each with the figures of its group, or with those that were drawn for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from simulator.accounting.power import Power
from simulator.experiments.trial.hardware import hardware_of, link_of, site_row
from simulator.experiments.trial.population import Figures, populations
from simulator.scenario.edges import numbered
from simulator.world.hardware import Hardware
from simulator.world.sites import Site

if TYPE_CHECKING:
    from simulator.scenario.scenario import Scenario
    from simulator.scenario.sites import DeviceSettings
    from simulator.settings.seeds import Seeds
    from simulator.world.world import World


def add_devices(
    scenario: Scenario, seeds: Seeds, world: World, edge_of: Mapping[str, Site]
) -> Iterator[tuple[int, Site]]:
    """Add the devices to a world one by one; yield the index of each one's group, and the device.

    Args:
        scenario: the settings of the world.
        seeds: the seeds of the trial, by which figures and signals are drawn.
        world: the world, with its server and its edges.
        edge_of: the edge of each device that is behind one, by its name.

    Raises:
        ScenarioError: a figure that makes no sense was drawn; the message names the line.
    """
    groups = scenario.world.devices
    names = (name for name, _ in numbered((group.name, group.count) for group in groups))
    add_row, server = world.ledger.sites.add, world.server.name
    for index, (group, population) in enumerate(zip(groups, populations(scenario, seeds.seed), strict=True)):
        make = _hardware_of(group)
        for own, name in zip(population, names, strict=False):
            hardware, edge = make(own), edge_of.get(name)
            add_row(site_row(name, group.name, hardware, above=server if edge is None else edge.name))
            up = link_of(f"{name} up", group.uplink, seeds, own.uplink, own.uplink_latency)
            down = link_of(f"{name} down", group.downlink, seeds, own.downlink, own.downlink_latency)
            site = Site(world, name, hardware, up, down)
            if edge is not None and world.tiers is not None:
                world.tiers.add_device(site, edge)
            yield index, site


def _hardware_of(group: DeviceSettings) -> Callable[[Figures], Hardware]:
    """Return what makes the hardware of a device of a group; all share one where none of its figures is drawn."""
    usual = hardware_of(group)
    drawn = group.population.figures if group.population is not None else {}
    if not drawn.keys() & {"rate", "memory_bandwidth", "memory", "power"}:
        return lambda figures: usual
    share, watts = group.utilised, usual.power

    def make(figures: Figures) -> Hardware:
        factor, power = figures.power, watts
        if factor != 1:
            power = Power(factor * watts.idle, factor * watts.compute, factor * watts.upload, factor * watts.download)
        flops_per_s, bandwidth, memory = figures.rate * share, figures.memory_bandwidth, figures.memory
        if type(usual) is not Hardware:
            return replace(usual, flops_per_s=flops_per_s, memory_bandwidth=bandwidth, memory=memory, power=power)
        return Hardware(
            flops_per_s,
            bandwidth,
            memory,
            usual.slots,
            power,
            usual.gpus,
            usual.batch_efficiency,
            usual.copies,
            usual.width,
        )

    return make
