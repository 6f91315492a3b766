"""Partition the training data of a scenario among its devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.experiments.trial.model import load
from simulator.learning.data.assigned import ListedShards, Shards
from simulator.learning.data.pool import Pool
from simulator.scenario.populations import sample_counts
from simulator.settings.errors import located
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.scenario.scenario import Scenario


def partition(scenario: Scenario, seeds: Seeds) -> Shards:
    """Partition the training data: return each device's shard, as indices of training samples.

    A shard is made when it is asked for, and its size is known before.

    Raises:
        ScenarioError: the data cannot be partitioned in this way.
    """
    labels: Any = load(scenario).train.labels
    way, stream = scenario.data.partition, seeds.stream("partition")
    sizes = sizes_of(scenario, seeds.seed)
    if sizes is not None and sizes.sum() > len(labels):
        problem = f"the devices need {sizes.sum():,} samples together, and {scenario.data.name} has {len(labels):,}"
        allowed = "fewer devices or samples, other data, or synthetic data with samples: auto"
        raise scenario.error(("world", "devices", 0, "population", "samples"), None, problem, allowed)
    try:
        if sizes is None:
            shards = way.split(labels, scenario.world.clients, stream)
        else:
            shards = way.split_by_sizes(labels, sizes, stream)
    except ValueError as error:
        raise scenario.error(("data", "partition", "name"), way.name, str(error)) from error
    if len(shards) != scenario.world.clients:
        problem = f"it made {len(shards):,} shards, and there are {scenario.world.clients:,} devices"
        raise scenario.error(("data", "partition", "name"), way.name, problem)
    return shards if isinstance(shards, Shards) else ListedShards(shards)


def sizes_of(scenario: Scenario, seed: int) -> np.ndarray | None:
    """Return how many samples each device has, int64 [devices], where populations say so; else None.

    Raises:
        ScenarioError: the data are as many as are needed, and nobody says how many that is; or a number that makes no
            sense was drawn.
    """
    with located(scenario, "world"):
        sizes = sample_counts(scenario.world.devices, seed)
    labels: Any = load(scenario).train.labels
    if sizes is None and isinstance(labels, Pool) and not scenario.data.partition.knows_sizes:
        problem = "nothing says how many samples the devices need"
        allowed = "population.samples for each group of devices, the partition sizes, or a number"
        raise scenario.error(("data", "samples"), "auto", problem, allowed)
    return sizes


def mean_samples(scenario: Scenario) -> float:
    """Return how many samples a device has, on average, with the first seed.

    Raises:
        ScenarioError: as ``sizes_of``.
    """
    sizes = sizes_of(scenario, scenario.seeds[0])
    if sizes is None:
        sizes = getattr(scenario.data.partition, "sizes", None)
    total = len(load(scenario).train) if sizes is None else int(np.sum(sizes))
    return total / scenario.world.clients
