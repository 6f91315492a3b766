"""Build what a trial needs from a scenario: the task, and the world with its server and devices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

import torch

from simulator.accounting.ledger import SiteRow
from simulator.accounting.power import Power
from simulator.experiments.trial.faults import interrupt, let_down
from simulator.experiments.trial.model import build_model, load, torch_device
from simulator.experiments.trial.result import ClassCount
from simulator.learning.data.inputs import Inputs
from simulator.learning.data.shards import Shard, histogram
from simulator.learning.modalities import Modality
from simulator.learning.models.adaptation import Adaptation, adapted
from simulator.learning.task import Task
from simulator.scenario.edges import SERVER, numbered
from simulator.settings.errors import located
from simulator.settings.seeds import Seeds
from simulator.world.clients import Client
from simulator.world.hardware import Hardware, Measured
from simulator.world.network import Link
from simulator.world.queue import Batching, Queue
from simulator.world.sites import Site
from simulator.world.tiers import Access, Tiers
from simulator.world.world import World

if TYPE_CHECKING:
    from simulator.learning.models.staged import Staged
    from simulator.scenario.scenario import Entry, Scenario
    from simulator.scenario.sites import LinkSettings, ServingSettings, SiteSettings
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


def partition(scenario: Scenario, seeds: Seeds) -> list[torch.Tensor]:
    """Partition the training data: return each device's shard, as indices of training samples.

    Raises:
        ScenarioError: the data cannot be partitioned in this way.
    """
    labels = load(scenario).train.labels
    try:
        shards = scenario.data.partition.split(labels, scenario.world.clients, seeds.stream("partition"))
    except ValueError as error:
        loc = ("data", "partition", "name")
        raise scenario.error(loc, scenario.data.partition.name, str(error)) from error
    return [torch.from_numpy(shard) for shard in shards]


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
    hardware = [hardware_of(group) for group in settings.devices]  # equal devices share theirs
    for (name, group), samples in zip(devices(settings), partition(scenario, seeds), strict=True):
        above = edge_of.get(name, world.server).name
        site = _site(world, name, settings.devices[group], seeds, hardware[group], above=above)
        if world.tiers is not None and name in edge_of:
            world.tiers.add_device(site, edge_of[name])
        index, training = samples.to(inputs.labels.device), entry.training
        shard = Shard(inputs, index, training.batch_size, seeds, training.augment)
        Client(site, shard, world.server, settings.provisioning, task)
        let_down(scenario, group, site, seeds)
    interrupt(scenario, world.server, seeds)
    return {site.name: site.hardware.power for site in world.sites}


def class_counts(world: World, names: tuple[str, ...]) -> list[ClassCount]:
    """Return the number of samples of each class on each client, without zeros.

    Args:
        world: a world whose devices have their shards.
        names: the names of the classes.
    """
    histograms = ((client.name, histogram(client.data.labels, len(names))) for client in world.clients)
    return [
        ClassCount(client, client.rpartition("-")[0], number, names[number], int(counts[number]))
        for client, counts in histograms
        for number in counts.nonzero()[0].tolist()
    ]


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
            up = _link(f"{name} access up", given.uplink, seeds) if given.uplink else None
            down = _link(f"{name} access down", given.downlink, seeds) if given.downlink else None
            access = Access(up, down)
        world.tiers.add_edge(sites[name], sites[arranged.above[name]], access)
    return {device: sites[edge] for device, edge in arranged.devices.items()}


def _server(
    world: World, name: str, settings: ServingSettings, seeds: Seeds, role: str = "server", above: str = ""
) -> Site:
    """Add a site that serves clients, with all its GPUs: their memory is one, and so is what they draw when idle."""
    batching = Batching(settings.batching.most, settings.batching.wait) if settings.batching else None
    queue = settings.queue.line()
    hardware = hardware_of(settings, settings.gpus, settings.slots)
    return _site(world, name, settings, seeds, hardware, queue, batching, role, above)


def _site(
    world: World,
    name: str,
    settings: SiteSettings,
    seeds: Seeds,
    hardware: Hardware,
    queue: Queue | None = None,
    batching: Batching | None = None,
    role: str = "device",
    above: str = "",
) -> Site:
    power = hardware.power
    world.ledger.sites.add(
        SiteRow(
            name,
            settings.name,
            role,
            hardware.slots,
            hardware.memory,
            power.idle,
            power.compute,
            power.upload,
            power.download,
            hardware.gpus,
            above,
        )
    )
    return Site(
        world,
        name,
        hardware,
        _link(f"{name} up", settings.uplink, seeds),
        _link(f"{name} down", settings.downlink, seeds),
        queue,
        batching,
    )


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
    return Measured(**{field.name: getattr(hardware, field.name) for field in fields(Hardware)}, table=settings.table)


def _link(name: str, settings: LinkSettings, seeds: Seeds) -> Link:
    signal = settings.signal.sample(seeds, name, settings.rate) if settings.signal else None
    return Link(name, settings.rate, settings.latency, signal, settings.loss)
