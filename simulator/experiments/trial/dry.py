"""What is changed of a scenario for the dry runs that commands and policies make of their own accord."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from pydantic import PositiveInt

from simulator.experiments.trial.build import devices
from simulator.experiments.trial.partition import partition
from simulator.experiments.trial.population import Figures, populations, with_figures
from simulator.learning.data.partition.base import Partition
from simulator.scenario.edges import EdgeSettings, numbered
from simulator.settings.plugins import DRIVERS, SELECTIONS
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.algorithms.steps.split import CutPoint
    from simulator.scenario.scenario import Entry, Scenario
    from simulator.scenario.world import WorldSettings


class DeviceClass(NamedTuple):
    """A class of devices for which a round costs the same, alone and with the same cut.

    Attributes:
        group: the index of their group of devices.
        samples: the number of samples in each of their shards.
        edge: the index of the entry of their edges; None where they are connected to the server directly.
        figures: what was drawn for them; None where the group has no population.
    """

    group: int
    samples: int
    edge: int | None = None
    figures: Figures | None = None


def device_classes(scenario: Scenario, seed: int) -> dict[str, DeviceClass]:
    """Return the class of each device, by its name and in the order of the scenario.

    Args:
        scenario: the world and the data.
        seed: the seed, which decides the shards.
    """
    tiers, sizes = scenario.world.tiers, partition(scenario, Seeds(seed)).sizes.tolist()
    edges = {name: tiers.entries[edge] for name, edge in tiers.devices.items()}
    drawn = [iter(population) if population.columns else repeat(None) for population in populations(scenario, seed)]
    return {
        name: DeviceClass(group, samples, edges.get(name), next(drawn[group]))
        for (name, group), samples in zip(devices(scenario.world), sizes, strict=True)
    }


def unbilled(scenario: Scenario) -> Scenario:
    """Return the scenario without prices and carbon, for a dry run whose costs nobody asks for.

    Such a run may last longer than the trace of carbon intensities that the scenario has for its own.
    """
    return scenario.model_copy(update={"prices": None, "carbon": None})


def steady(scenario: Scenario) -> Scenario:
    """Return the scenario unbilled, with links at their nominal rates, in a world in which nothing goes wrong."""
    return unbilled(scenario).model_copy(update={"world": scenario.world.calm().without_signals()})


def as_key(scenario: Scenario) -> str:
    """Return what dry runs of single devices depend on in a scenario, beside their entry and seed, as text."""
    return scenario.model_dump_json(exclude=_IRRELEVANT)


_IRRELEVANT = {"algorithms", "seeds", "prices", "carbon", "evaluation", "checkpoint"}
_IRRELEVANT |= {"target_accuracy", "target_loss"}


class EqualShards(Partition):
    """The same number of samples on every device, whatever the size of the data set.

    A sample may lie on several devices, or several times on one. This is only for dry runs, where the size of an image
    counts and its content does not.

    Attributes:
        samples: samples on each device.
    """

    name: ClassVar[str] = "equal shards"
    knows_sizes: ClassVar[bool] = True
    samples: PositiveInt

    def split(self, labels: np.ndarray, clients: int, rng: np.random.Generator) -> list[np.ndarray]:
        return [
            (np.arange(self.samples) + start) % len(labels) for start in range(0, clients * self.samples, self.samples)
        ]


def alone(entry: Entry, rounds: int = 2) -> Entry:
    """Return the entry for a dry run in which one device takes part, and is always selected.

    The server waits for it; a hierarchical driver stays, so that its edge serves it.

    Args:
        entry: the algorithm, with its cut.
        rounds: the number of rounds: one-time costs are in the first alone, and a round may leave something in memory
            for the next.
    """
    driver = entry.training.driver
    update = {
        "rounds": rounds,
        "budget": None,
        "driver": driver if driver.needs_edges else DRIVERS.find("synchronous")(),
        "selection": SELECTIONS.find("uniform")(),
    }
    return entry.model_copy(update={"training": entry.training.model_copy(update=update)})


def lone_device(
    scenario: Scenario, entry: Entry, kin: DeviceClass, place: CutPoint | None = None
) -> tuple[Scenario, Entry]:
    """Return the scenario with one device of this class, its edges and no others, and the entry for a dry run in it.

    Args:
        scenario: the world, the model and the data.
        entry: the algorithm.
        kin: the class of the device.
        place: the cut that a policy chose for the device; None where none did.
    """
    scenario = steady(scenario)  # what goes wrong is nothing that could be predicted
    group = scenario.world.devices[kin.group]
    group = group.model_copy(update={"population": None}) if kin.figures is None else with_figures(group, kin.figures)
    group = group.model_copy(update={"count": 1})
    world = scenario.world.model_copy(update={"devices": (group,), "edges": _branch(scenario.world, kin)})
    data = scenario.data.model_copy(update={"partition": EqualShards(samples=kin.samples)})
    if place is not None:
        algorithm: Any = entry.algorithm
        entry = entry.model_copy(update={"algorithm": algorithm.cut_at(**place._asdict())})
    return scenario.model_copy(update={"world": world, "data": data}), alone(entry)


def _branch(world: WorldSettings, kin: DeviceClass) -> tuple[EdgeSettings, ...]:
    """Return one of each edge between a lone device of this class and the server, from below to above."""
    if kin.edge is None:
        return ()
    tiers = world.tiers
    lowest = next(name for name, index in tiers.entries.items() if index == kin.edge)
    edges = [world.edges[tiers.entries[name]] for name in tiers.branch(lowest)]
    names = [*(name for name, _ in numbered((edge.label, 1) for edge in edges)), None]
    members: list[Any] = [{world.devices[kin.group].name: 1}, *((),) * (len(edges) - 1)]
    return tuple(
        edge.model_copy(update={"count": 1, "devices": behind, "behind": above})
        for edge, behind, above in zip(edges, members, names[1:], strict=True)
    )


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
