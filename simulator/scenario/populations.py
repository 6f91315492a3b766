"""What the groups of devices of a world draw together, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from simulator.scenario.population import Problem
from simulator.scenario.sites import DeviceSettings
from simulator.settings.errors import UnfitError
from simulator.settings.yamlfile import KeyPath


def population_problems(groups: Sequence[DeviceSettings]) -> Iterator[Problem]:
    """Yield what is wrong with the populations of a world.

    Args:
        groups: the groups of devices.
    """
    names = [group.name for group in groups]
    for index, group in enumerate(groups):
        first = names.index(group.name)
        if first < index and any(other.population for other in groups if other.name == group.name):
            problem = "a group above has this name, too, and figures are drawn by the name of a group"
            allowed = "a name of its own, which then gives all figures itself or is in your own catalogue"
            yield ("devices", index, "name"), group.name, problem, allowed
    drawn = [group.population is not None and group.population.samples is not None for group in groups]
    if any(drawn) and not all(drawn):
        index = drawn.index(False)
        problem = f"{names[drawn.index(True)]} says how many samples its devices have, and {names[index]} does not"
        where: KeyPath = ("devices", index, "population") if groups[index].population else ("devices", index)
        yield where, None, problem, "population.samples for all groups, or for none"


def sample_counts(groups: Sequence[DeviceSettings], seed: int) -> np.ndarray | None:
    """Draw how many samples each device has, int64 [devices] in the order of the world; None if no population says so.

    Args:
        groups: the groups of devices.
        seed: the seed of the trial.

    Raises:
        UnfitError: a value that makes no sense was drawn; the keys are those in the world.
    """
    counts = []
    for index, group in enumerate(groups):
        if group.population is None or group.population.samples is None:
            return None
        try:
            counts.append(group.population.draw(group.name, group.count, seed, ("samples",))["samples"])
        except UnfitError as error:
            raise error.below("devices", index, "population") from None
    return np.concatenate(counts)
