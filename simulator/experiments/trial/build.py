"""Build what a trial needs from a scenario: the task, and the world with its server and devices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal

import torch

from simulator.accounting.power import Power
from simulator.experiments.trial.devices import add_devices
from simulator.experiments.trial.faults import has_faults, interrupt, let_down
from simulator.experiments.trial.hardware import hardware_of, link_of, site_row
from simulator.experiments.trial.model import build_model, load, torch_device
from simulator.experiments.trial.partition import partition
from simulator.learning.data.assigned import Assigned
from simulator.learning.data.inputs import Inputs
from simulator.learning.data.shards import Shard
from simulator.learning.modalities import Modality
from simulator.learning.models.adaptation import Adaptation, adapted
from simulator.learning.task import Task
from simulator.scenario.edges import SERVER, numbered
from simulator.settings.errors import located
from simulator.settings.garbage import uncollected
from simulator.settings.seeds import Seeds
from simulator.world.clients import Client
from simulator.world.queue import Batching
from simulator.world.sites import Site
from simulator.world.tiers import Access, Tiers
from simulator.world.world import World

if TYPE_CHECKING:
    from simulator.learning.models.staged import Staged
    from simulator.scenario.scenario import Entry, Scenario
    from simulator.scenario.sites import ServingSettings
    from simulator.scenario.world import WorldSettings


def structure(scenario: Scenario, entry: Entry) -> Staged:
    """Return the stages of the model, without weights, as an algorithm of the scenario will train it.

    Raises:
        ScenarioError: there is no such model; the message names the line.
        NotStagedError: the model cannot be divided into stages.
    """
    built = build_model(scenario, seed=0, dry=True)
    _, model = adapted(built.model, _adaptation(entry))
    model.objective = built.objective
    return model


def _adaptation(entry: Entry) -> Adaptation:
    """Return how an algorithm adapts the model: what stages share stays one tensor, unless it cuts the model."""
    return replace(entry.algorithm.adapt(entry.training), tied=not entry.algorithm.cuts_model)


def devices(settings: WorldSettings) -> Iterator[tuple[str, int]]:
    """Yield the name of each device and the index of its group; groups of the same name share one numbering."""
    return numbered((group.name, group.count) for group in settings.devices)


def make_task(scenario: Scenario, entry: Entry, seeds: Seeds, dry: bool) -> Task:
    """Build the task of a trial: the model, what is trained of it, and the test data.

    Args:
        scenario: the model, the data and the evaluation.
        entry: the algorithm, which decides what is trained.
        seeds: the seeds of the trial.
        dry: build on ``meta``, without weights and pixels.

    Raises:
        ScenarioError: the model or the data cannot be used; the message names the line.
    """
    built = build_model(scenario, seeds.integer("weights"), dry)
    device = torch_device(scenario, dry)
    test = _inputs(scenario, "test", built.modality, dry)
    samples = torch.arange(len(test))
    if scenario.evaluation.samples is not None:  # the same samples for all seeds
        order = Seeds(0).stream("evaluation").permutation(len(test))
        samples = torch.from_numpy(order[: scenario.evaluation.samples])
    return Task(
        built.model,
        _adaptation(entry),
        entry.training,
        test,
        seed=seeds.integer("prompts"),
        device=device,
        attention=scenario.model.attention,
        samples=samples.to(test.labels.device),
        modality=built.modality,
        objective=built.objective,
        classes=load(scenario).classes,
        rounds=entry.training.rounds * entry.training.driver.rounds_of_client,
    )


def _inputs(scenario: Scenario, part: Literal["train", "test"], modality: Modality, dry: bool) -> Inputs:
    """Return the training or the test samples in memory; in a dry run, only their labels and their shape."""
    with located(scenario, "data"):
        inputs = modality.inputs(getattr(load(scenario), part), dry)
    inputs.within = partial(located, scenario, "data")
    return inputs if dry else inputs.to(torch.device(torch_device(scenario, dry)))


def populate(scenario: Scenario, entry: Entry, seeds: Seeds, task: Task, world: World, dry: bool) -> dict[str, Power]:
    """Add the server, the edges and the devices to a world, with links and shards; return each site's power by name.

    Args:
        scenario: the settings of the world and of the data.
        entry: the algorithm, whose training settings decide batch size and augmentation.
        seeds: the seeds of the trial.
        task: the task that the devices train.
        world: an empty world.
        dry: whether samples are only labels and shapes.

    Raises:
        ScenarioError: the data cannot be used or partitioned; the message names the line.
    """
    settings = scenario.world
    world.server = _server(world, SERVER, settings.server, seeds)
    edge_of = _add_edges(world, settings, seeds)
    assert task.modality is not None
    inputs = _inputs(scenario, "train", task.modality, dry)
    shards, training = partition(scenario, seeds), entry.training
    size, augment, server, provisioning = training.batch_size, training.augment, world.server, settings.provisioning
    troubled = [has_faults(group) for group in settings.devices]
    with uncollected():
        for number, (group, site) in enumerate(add_devices(scenario, seeds, world, edge_of)):
            shard = Shard(inputs, Assigned(shards, number), size, seeds, augment)
            Client(site, shard, server, provisioning, task)
            if troubled[group]:
                let_down(scenario, group, site, seeds)
    interrupt(scenario, world.server, seeds)
    return {site.name: site.hardware.power for site in world.sites}


def _add_edges(world: World, settings: WorldSettings, seeds: Seeds) -> dict[str, Site]:
    """Add the edges to a world, if there are any; return the edge of each device that is behind one, by its name."""
    if not settings.edges:
        return {}
    arranged, sites = settings.tiers, {SERVER: world.server}
    for name, index in arranged.entries.items():
        sites[name] = _server(world, name, settings.edges[index], seeds, "edge", arranged.above[name])
    world.tiers = Tiers(world.server)
    for name, index in arranged.entries.items():
        access = Access()
        if (given := settings.edges[index].access) is not None:
            up = link_of(f"{name} access up", given.uplink, seeds) if given.uplink else None
            down = link_of(f"{name} access down", given.downlink, seeds) if given.downlink else None
            access = Access(up, down)
        world.tiers.add_edge(sites[name], sites[arranged.above[name]], access)
    return {device: sites[edge] for device, edge in arranged.devices.items()}


def _server(
    world: World, name: str, settings: ServingSettings, seeds: Seeds, role: str = "server", above: str = ""
) -> Site:
    """Add a site that serves clients, with all its GPUs: their memory is one, and so is what they draw when idle."""
    batching = Batching(settings.batching.most, settings.batching.wait) if settings.batching else None
    hardware = hardware_of(settings, settings.gpus, settings.slots)
    world.ledger.sites.add(site_row(name, settings.name, hardware, role, above))
    up = link_of(f"{name} up", settings.uplink, seeds)
    down = link_of(f"{name} down", settings.downlink, seeds)
    return Site(world, name, hardware, up, down, settings.queue.line(), batching)
