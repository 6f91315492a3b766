"""What is changed of a scenario for the dry runs that commands and policies make of their own accord."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from simulator.experiments.trial.build import devices, partition
from simulator.settings.plugins import DRIVERS, SELECTIONS
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.scenario.scenario import Entry, Scenario


class DeviceClass(NamedTuple):
    """A class of devices for which a round costs the same, alone and with the same cut.

    Attributes:
        group: the index of their group of devices.
        samples: the number of samples in each of their shards.
    """

    group: int
    samples: int


def device_classes(scenario: Scenario, seed: int) -> dict[str, DeviceClass]:
    """Return the class of each device, by its name and in the order of the scenario.

    Args:
        scenario: the world and the data.
        seed: the seed, which decides the shards.
    """
    named = zip(devices(scenario.world), partition(scenario, Seeds(seed)), strict=True)
    return {name: DeviceClass(group, len(shard)) for (name, group), shard in named}


def alone(entry: Entry, rounds: int = 2) -> Entry:
    """Return the entry for a dry run in which one device takes part: synchronous, and whoever is there is selected.

    Args:
        entry: the algorithm, with its cut.
        rounds: the number of rounds: one-time costs are in the first alone, and a round may leave something in memory
            for the next.
    """
    update = {
        "rounds": rounds,
        "driver": DRIVERS.find("synchronous")(),
        "selection": SELECTIONS.find("uniform")(),
    }
    return entry.model_copy(update={"training": entry.training.model_copy(update=update)})


def without_values(entry: Entry) -> Entry:
    """Return the entry with uniform selection if its own looks at values, which a dry run does not have."""
    return _uniform(entry) if entry.training.selection.needs_values else entry


def with_fixed_cohorts(entry: Entry) -> Entry:
    """Return the entry with uniform selection if its cohorts depend on values or time, and so on the cut."""
    selection = entry.training.selection
    return _uniform(entry) if selection.needs_values or selection.depends_on_time else entry


def scenario_with_fixed_cohorts(scenario: Scenario) -> tuple[Scenario, list[str]]:
    """Return the scenario with fixed cohorts for each entry, and a line for each entry that this changed."""
    entries = tuple(with_fixed_cohorts(entry) for entry in scenario.algorithms)
    pairs = zip(scenario.algorithms, entries, strict=True)
    changed = [(entry.label, entry.training.selection) for entry, other in pairs if other is not entry]
    lines = [
        f"{label}: uniform selection is assumed, for whom {policy.name} chooses depends on "
        f"{policy.needs_values or 'the seconds of a round, and so on the cut'}"
        for label, policy in changed
    ]
    return (scenario.model_copy(update={"algorithms": entries}) if changed else scenario), lines


def _uniform(entry: Entry) -> Entry:
    training = entry.training.model_copy(update={"selection": SELECTIONS.find("uniform")()})
    return entry.model_copy(update={"training": training})
