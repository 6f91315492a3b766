"""A trial: one scenario, one of its algorithms, one seed. The unit that is run and repeated."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch

from simulator.accounting.ledger import Ledger
from simulator.accounting.usage import Use, uses
from simulator.algorithms.base import State, UnfitError
from simulator.learning.data import Images, Shard, Statistics, histogram
from simulator.learning.datasets.base import DataError
from simulator.learning.models import Built, ModelError, build
from simulator.learning.stages import NotStagedError
from simulator.learning.task import Score, Task, adapted
from simulator.learning.wire import Wire
from simulator.seeds import Seeds
from simulator.synchrony.cohorts import Uniform
from simulator.synchrony.synchronous import synchronous
from simulator.world.clients import Client
from simulator.world.network import Link
from simulator.world.sites import Hardware, Power, Site
from simulator.world.world import World

if TYPE_CHECKING:
    from simulator.learning.datasets.base import DataSet, Raw, Samples
    from simulator.scenario import Entry, Scenario
    from simulator.scenario_world import SiteSettings


@dataclass(frozen=True)
class Point:
    """The state after a round: the clock, and how good it is where it was evaluated."""

    round: int
    sim_time_s: float
    score: Score | None


class Dealt(NamedTuple):
    """How many samples of one class one client has; a row of ``clients.csv``."""

    client: str
    device: str
    number: int
    class_name: str
    samples: int


@dataclass(frozen=True)
class Outcome:
    """What a trial leaves: its ledger, what was used, and how accuracy went."""

    entry: Entry
    seed: int
    points: list[Point]
    ledger: Ledger
    uses: list[Use]
    power: dict[str, Power]
    peak_client_memory_bytes: int
    peak_server_memory_bytes: int
    trainable_parameters: int
    wall_time_s: float
    dealt: list[Dealt]


Progress = Callable[[Point], Any]


def load(scenario: Scenario) -> Raw:
    """The data of a scenario, read once for all its trials: labels now, pixels when somebody asks for them.

    Raises:
        ScenarioError: they cannot be used; the message names the line.
    """
    with _in_words(scenario):
        return _loaded(scenario.data.source)


@lru_cache(maxsize=1)
def _loaded(source: DataSet) -> Raw:
    return source.load().check()


@contextmanager
def _in_words(scenario: Scenario) -> Iterator[None]:
    """What is wrong with the data, as a message about the scenario."""
    try:
        yield
    except DataError as error:
        raise scenario.error(("data", error.key), error.value, error.problem, error.allowed) from error


def check(scenario: Scenario, dry: bool = False) -> None:
    """What only the model, the data and the machine can tell of a scenario, before anything is run.

    Raises:
        ScenarioError: a cut that leaves no body, a model that does not exist or cannot be staged, a shard that stays
            empty, a GPU that is not there; the message names the line.
    """
    if scenario.torch_device == "cuda" and not dry and not torch.cuda.is_available():
        raise scenario.error(("torch_device",), "cuda", "torch finds no CUDA GPU on this machine", "auto or cpu")
    for index, entry in enumerate(scenario.algorithms):
        if dry and entry.algorithm.needs_values:
            problem = f"it decides by {entry.algorithm.needs_values}, which a dry run does not have"
            raise scenario.error(("algorithms", index, "name"), entry.name, problem, "a run without --dry")
        for key in entry.algorithm.ignores:
            if getattr(entry.training, key) != getattr(scenario.training, key):
                problem = f"{entry.name} does not look at it: what it trains and how often are keys of its own"
                raise scenario.error(("algorithms", index, "training", key), None, problem)
        built = _build(scenario, seed=0, dry=True)
        try:
            _, model = adapted(built.model, entry.algorithm.adapt(entry.training))
        except NotStagedError as error:
            raise scenario.error(("model", "name"), scenario.model.name, str(error)) from error
        try:
            entry.algorithm.check(model, entry.training)
        except UnfitError as unfit:
            loc = ("algorithms", index, unfit.key)
            raise scenario.error(loc, unfit.value, unfit.problem, unfit.allowed) from unfit
    wanted, there = scenario.evaluation.samples, len(load(scenario).test)
    if wanted is not None and wanted > there:
        raise scenario.error(("evaluation", "samples"), wanted, "the test set is smaller", f"1 to {there}, or null")
    for seed in scenario.seeds:
        _partition(scenario, Seeds(seed))


def run(scenario: Scenario, entry: Entry, seed: int, dry: bool = False, progress: Progress = lambda _: None) -> Outcome:
    """Run one algorithm of a scenario with one seed; ``progress`` is called after each round."""
    began = time.perf_counter()
    torch.set_num_threads(scenario.threads)
    seeds = Seeds(seed)
    task, world = _task(scenario, entry, seeds, dry), World(Wire(entry.training.wire_dtype))
    power = _people(scenario, entry, seeds, task, world, dry)
    world.server.memory.hold(task.part(task.backbone))  # it has the pre-trained model, whoever computes with it
    points: list[Point] = []

    def after(number: int, state: State) -> None:
        due = number % scenario.evaluation.every == 0 or number == entry.training.rounds
        score = task.evaluate(entry.algorithm.views(world, task, state)) if due else None
        points.append(Point(number, world.now, score))
        progress(points[-1])

    world.run(
        synchronous(
            entry.algorithm,
            world,
            task,
            rounds=entry.training.rounds,
            clients_per_round=entry.training.clients_per_round,
            selection=Uniform(),
            seeds=seeds,
            after=after,
        )
    )
    return Outcome(
        entry,
        seed,
        points,
        world.ledger,
        uses(world.ledger, power, (client.name for client in world.clients), world.start_time, world.now),
        power,
        max(client.site.memory.peak_bytes for client in world.clients),
        world.server.memory.peak_bytes,
        task.trainable_parameters,
        time.perf_counter() - began,
        _dealt(world, load(scenario).names),
    )


def torch_device(scenario: Scenario, dry: bool) -> str:
    """Where tensors live: ``meta``, ``cuda`` or ``cpu``."""
    if dry:
        return "meta"
    if scenario.torch_device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return scenario.torch_device


def _build(scenario: Scenario, seed: int, dry: bool) -> Built:
    model, classes = scenario.model, load(scenario).classes
    try:
        return build(model.name, model.image_size, classes, seed, model.pretrained, dry)
    except (ModelError, NotStagedError) as error:
        key = "image_size" if "pixels" in str(error) else "name"
        raise scenario.error(("model", key), getattr(model, key), str(error)) from error


def _partition(scenario: Scenario, seeds: Seeds) -> list[torch.Tensor]:
    labels = load(scenario).train.labels
    try:
        shards = scenario.data.partition.split(labels, scenario.world.clients, seeds.stream("partition"))
    except ValueError as error:
        loc = ("data", "partition", "name")
        raise scenario.error(loc, scenario.data.partition.name, str(error)) from error
    return [torch.from_numpy(shard) for shard in shards]


def _task(scenario: Scenario, entry: Entry, seeds: Seeds, dry: bool) -> Task:
    built = _build(scenario, seeds.integer("weights"), dry)
    device = torch_device(scenario, dry)
    test = _images(scenario, "test", built.statistics, dry)
    samples = torch.arange(len(test))
    if scenario.evaluation.samples is not None:  # the same for all seeds
        order = Seeds(0).stream("evaluation").permutation(len(test))
        samples = torch.from_numpy(order[: scenario.evaluation.samples])
    return Task(
        built.model,
        entry.algorithm.adapt(entry.training),
        entry.training,
        test,
        seed=seeds.integer("prompts"),
        device=device,
        attention=scenario.model.attention,
        samples=samples.to(test.labels.device),
        statistics=built.statistics,
    )


def _images(scenario: Scenario, part: Literal["train", "test"], statistics: Statistics, dry: bool) -> Images:
    """The images to train or to test with; in a dry run their labels and their shape."""
    size = scenario.model.image_size
    samples: Samples = getattr(load(scenario), part)
    labels = torch.from_numpy(samples.labels)
    if dry:
        pixels = torch.empty((len(samples), 3, size, size), dtype=torch.uint8, device="meta")
        return Images(pixels, labels, statistics, dry=True)
    with _in_words(scenario):
        pixels = torch.from_numpy(samples.pixels(size))
    return Images(pixels, labels, statistics, size=size).to(torch.device(torch_device(scenario, dry)))


def _people(scenario: Scenario, entry: Entry, seeds: Seeds, task: Task, world: World, dry: bool) -> dict[str, Power]:
    """Fill the world with a server and devices, each with its links and its shard; the watts of each by name."""
    settings = scenario.world
    world.server = _site(world, "server", settings.server, settings.server.slots)
    images = _images(scenario, "train", task.statistics, dry)
    shards = iter(_partition(scenario, seeds))
    numbers: dict[str, int] = {}
    for group in settings.devices:
        for _ in range(group.count):
            number = numbers[group.name] = numbers.get(group.name, -1) + 1
            site = _site(world, f"{group.name}-{number}", group)
            index, training = next(shards).to(images.labels.device), entry.training
            shard = Shard(images, index, training.batch_size, seeds, training.augment)
            Client(site, shard, world.server, settings.provisioning)
    return {site.name: site.hardware.power for site in world.sites}


def _dealt(world: World, names: tuple[str, ...]) -> list[Dealt]:
    counted = ((client.name, histogram(client.data.labels, len(names))) for client in world.clients)
    return [
        Dealt(client, client.rpartition("-")[0], number, names[number], int(counts[number]))
        for client, counts in counted
        for number in counts.nonzero()[0].tolist()
    ]


def _site(world: World, name: str, settings: SiteSettings, slots: int = 1) -> Site:
    watts = settings.power
    hardware = Hardware(
        settings.flops_per_s,
        settings.memory_bandwidth,
        settings.memory,
        slots,
        Power(watts.idle, watts.compute, watts.upload, watts.download),
    )
    up, down = settings.uplink, settings.downlink
    return Site(
        world,
        name,
        hardware,
        Link(f"{name} up", up.rate, up.latency),
        Link(f"{name} down", down.rate, down.latency),
    )
