"""The reference of choices by name: drivers, selections, data sets, optimizers and every other family of plug-ins."""

from __future__ import annotations

from keys import elsewhere, model_table
from tables import code, sentence

from simulator.scenario.schema import summary
from simulator.settings.plugins import FAMILIES, Plugins

WHERE = {
    "datasets": "data",
    "partitions": "data.partition",
    "drivers": "training.driver",
    "selections": "training.selection",
    "queues": "world.server.queue` and `world.edges[].queue",
    "presences": "world.devices[].presence",
    "distributions": "world.devices[].population.FIGURE",
    "signals": "signal` of any `uplink` or `downlink`, and `carbon.signal",
    "staleness": "staleness` of the drivers `fedbuff` and `fedasync",
    "cut_policies": "algorithms[].cut",
    "optimizers": "training.optimizer",
    "schedules": "training.schedule",
    "compressors": "training.compression.KIND",
}
"""Which key takes a choice of each family; algorithms have pages of their own."""


def page() -> str:
    """Return the page."""
    lines = [
        "# Choices by name",
        "Wherever a scenario says `{name: ...}`, it chooses from one of these families. The keys stand beside the name:"
        " `driver: {name: fedbuff, buffer: 4}`. `sfsim list drivers` (or any other family) prints the same, with the"
        " plug-ins of your own that are installed.",
    ]
    for family, where in WHERE.items():
        lines += [f"## {family.replace('_', ' ').capitalize()}", f"Key: `{where}`."]
        lines += [_choice(FAMILIES[family], name) for name in FAMILIES[family].names()]
    return elsewhere("\n\n".join(lines))


def _choice(family: Plugins, name: str) -> str:
    kind = family.find(name)
    return f"### {code(name)}\n\n{sentence(summary(kind))}\n\n{model_table(kind, name)}"
