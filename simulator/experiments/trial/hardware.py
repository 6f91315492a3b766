"""The hardware and the links that the settings of a site describe."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from simulator.accounting.ledger import SiteRow
from simulator.accounting.power import Power
from simulator.world.hardware import Hardware, Measured
from simulator.world.network import Link

if TYPE_CHECKING:
    from simulator.scenario.sites import LinkSettings, SiteSettings
    from simulator.settings.seeds import Seeds


def hardware_of(settings: SiteSettings, gpus: int = 1, slots: int = 1) -> Hardware:
    """Return the hardware that settings describe.

    Args:
        settings: the device or the server.
        gpus: how many GPUs it has; their memory is one, and so is what they draw when idle.
        slots: how many works each of them serves at once.
    """
    watts = settings.power
    others = (gpus - 1) * watts.idle  # what the GPUs draw that do not compute
    power = Power(*(others + state for state in (watts.idle, watts.compute, watts.upload, watts.download)))
    hardware = Hardware(
        settings.flops_per_s,
        settings.memory_bandwidth,
        gpus * settings.memory,
        slots,
        power,
        gpus,
        settings.batch_efficiency or (),
        settings.copies,
        settings.width,
    )
    if not settings.table:
        return hardware
    figures = {field.name: getattr(hardware, field.name) for field in fields(Hardware) if field.init}
    return Measured(**figures, table=settings.table)


def site_row(name: str, hardware_name: str, hardware: Hardware, role: str = "device", above: str = "") -> SiteRow:
    """Return the row of a site for the ledger.

    Args:
        name: its name.
        hardware_name: the name of its hardware, such as that of its group.
        hardware: the hardware.
        role: ``device``, ``server`` or ``edge``.
        above: the name of the site that it is behind; empty for the server.
    """
    power = hardware.power
    watts = power.idle, power.compute, power.upload, power.download
    return SiteRow(name, hardware_name, role, hardware.slots, hardware.memory, *watts, hardware.gpus, above)


def link_of(
    name: str, settings: LinkSettings, seeds: Seeds, rate: float | None = None, latency: float | None = None
) -> Link:
    """Return one direction of a link, with its signal if it has one.

    Args:
        name: its name, by which the signal is drawn.
        settings: its figures.
        seeds: the random streams of the trial.
        rate, latency: in the place of those in the settings, where they are given.
    """
    rate = settings.rate if rate is None else rate
    latency = settings.latency if latency is None else latency
    signal = settings.signal.sample(seeds, name, rate) if settings.signal else None
    return Link(name, rate, latency, signal, settings.loss)
