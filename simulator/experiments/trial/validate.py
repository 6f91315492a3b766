"""Check a scenario before it is run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch

from simulator.experiments.trial.bill import check_intensity_known
from simulator.experiments.trial.build import devices, structure
from simulator.experiments.trial.model import cut_off, load, strange_tokenizer
from simulator.experiments.trial.partition import partition
from simulator.experiments.trial.validate_compression import check_compression
from simulator.experiments.trial.validate_population import check_devices
from simulator.experiments.trial.validate_scheduling import check_scheduling
from simulator.learning.models.stages import NoTokensError, NotStagedError
from simulator.learning.models.text.build import is_text
from simulator.scenario.faults import unknown_phases
from simulator.scenario.ignored import not_looked_at
from simulator.settings.errors import UnfitError, located
from simulator.settings.seeds import Seeds
from simulator.settings.wording import listed

if TYPE_CHECKING:
    from simulator.accounting.payload import Messages
    from simulator.scenario.model import ModelSettings
    from simulator.scenario.scenario import Entry, Scenario


def notices(scenario: Scenario, dry: bool = False) -> Iterator[str]:
    """Yield what a user should know of a valid scenario: a line for each setting that an algorithm or the model
    ignores, what signals have to say, each phase with a rate of dropout that no algorithm of ours has, and texts that
    are cut off.

    Args:
        scenario: the scenario.
        dry: whether it is for a dry run, for which no text is read.
    """
    if not dry:
        yield from strange_tokenizer(scenario)
        yield from cut_off(scenario)
    yield from unread_of_model(scenario.model)
    for entry in scenario.algorithms:
        yield from (f"{entry.label} {notice}" for notice in not_looked_at(entry.algorithm, entry.training))
    yield from server_notices(scenario)
    for where, signal in scenario.world.signals():
        yield from (f"world.{'.'.join(map(str, where))}: {notice}" for notice in signal.notices())
    yield from (f"carbon: {notice}" for notice in (scenario.carbon.notices() if scenario.carbon else ()))
    yield from edge_notices(scenario)
    coming_and_going = any(group.presence for group in scenario.world.devices)
    names = [name for name, _ in devices(scenario.world)] if coming_and_going else []
    for index, group in enumerate(scenario.world.devices):
        for notice in group.presence.notices(names) if group.presence else ():
            yield f"world.devices.{index}.presence: {notice}"
    yield from unknown_phases(sorted({phase for group in scenario.world.devices for phase in group.dropout}))


def unread_of_model(model: ModelSettings) -> Iterator[str]:
    """Yield a line for each setting that a model of texts or of images does not look at, where it is not as usual."""
    takes, unread = ("texts", ["image_size"]) if is_text(model.name) else ("images", ["length", "padding", "tokenizer"])
    for key in unread:
        if getattr(model, key) != type(model).model_fields[key].default:
            yield f"model.{key} changes nothing: {model.name} takes {takes}"


def server_notices(scenario: Scenario) -> Iterator[str]:
    """Yield a line for each entry that cannot use more slots or GPUs, and one for batching that gains nothing."""
    world = scenario.world
    sites = [("server", world.server), *((f"edges.{index}", edge) for index, edge in enumerate(world.edges))]
    several = [(key, site) for key, site in sites if site.slots * site.gpus > 1]
    for entry in scenario.algorithms if several else ():
        why = entry.algorithm.serial_at_server(structure(scenario, entry), entry.training)
        for key, site in several if why else ():
            if key == "server" or entry.training.driver.needs_edges:  # else edges only relay
                more = listed(f"{each}: {getattr(site, each)}" for each in ("gpus", "slots") if getattr(site, each) > 1)
                yield f"world.{key}, {more}: this changes nothing for {entry.label}, because {why}"
    for key, site in sites:
        if site.batching and not (site.table or site.batch_efficiency):
            yield (
                f"world.{key}.batching: {site.name} has neither a table of seconds nor a batch_efficiency, so a pass "
                "that works share takes as long as they do one after the other, and nothing is gained"
            )


def edge_notices(scenario: Scenario) -> Iterator[str]:
    """Yield a line for each price and intensity of edges where there are none."""
    if scenario.world.edges:
        return
    prices, carbon = scenario.prices, scenario.carbon
    given = {
        "prices.edge_gpu": prices and prices.edge_gpu,
        "prices.electricity.edges": prices and isinstance(prices.electricity, dict) and "edges" in prices.electricity,
        "carbon.intensity.edges": carbon and isinstance(carbon.intensity, dict) and "edges" in carbon.intensity,
    }
    for key in (key for key, value in given.items() if value):
        yield f"{key} changes nothing: the world has no edges"


def check(scenario: Scenario, dry: bool = False) -> None:
    """Check a scenario against the model, the data and the machine, before anything is run.

    Raises:
        ScenarioError: for example, a cut leaves no body, the model does not exist or cannot be staged, a shard stays
            empty, or there is no GPU; the message names the line.
    """
    if scenario.torch_device == "cuda" and not dry and not torch.cuda.is_available():
        raise scenario.error(("torch_device",), "cuda", "torch finds no CUDA GPU on this machine", "auto or cpu")
    check_devices(scenario)
    for where, signal in scenario.world.signals():
        with located(scenario, "world", *where):
            signal.check()
    check_carbon(scenario)
    messages = []
    for index, entry in enumerate(scenario.algorithms):
        with located(scenario, "algorithms", index):
            messages.append(_checked(scenario, entry, dry))
    check_compression(scenario, messages)
    wanted, available = scenario.evaluation.samples, len(load(scenario).test)
    if wanted is not None and wanted > available:
        raise scenario.error(("evaluation", "samples"), wanted, "the test set is smaller", f"1 to {available}, or null")
    for seed in scenario.seeds:
        partition(scenario, Seeds(seed))
    for index, entry in enumerate(scenario.algorithms):
        check_scheduling(scenario, index, entry)
    check_presences(scenario)


def check_carbon(scenario: Scenario) -> None:
    """Check that the carbon intensity is known, for as long as budgets of time say that trials last.

    Raises:
        ScenarioError: it is not; the message names the line.
    """
    if scenario.carbon is not None:
        with located(scenario, "carbon"):
            scenario.carbon.check()
        for entry in scenario.algorithms:
            if entry.training.budget and entry.training.budget.seconds:
                check_intensity_known(scenario, entry, entry.training.budget.seconds)


def check_presences(scenario: Scenario) -> None:
    """Check that it is known of each device when it is there.

    Raises:
        ScenarioError: it is not; the message names the line.
    """
    if all(group.presence is None for group in scenario.world.devices):
        return
    for name, group in devices(scenario.world):
        presence = scenario.world.devices[group].presence
        if presence is not None:
            with located(scenario, "world", "devices", group, "presence"):
                presence.sample(name, Seeds(scenario.seeds[0]))


def _checked(scenario: Scenario, entry: Entry, dry: bool) -> Messages:
    """Check that an entry can be run, and return what it sends.

    Raises:
        UnfitError: a key of the entry has a value that is not allowed here.
        ScenarioError: the model does not exist or cannot be staged.
    """
    algorithm, training = entry.algorithm, entry.training
    if dry and algorithm.needs_values:
        problem = f"it decides by {algorithm.needs_values}, which a dry run does not have"
        raise UnfitError("name", entry.name, problem, "a run without --dry")
    selection = training.selection
    if dry and selection.needs_values:
        problem = f"{selection.name} chooses by {selection.needs_values}, which a dry run does not have"
        allowed = "another policy, or a run without --dry"
        raise UnfitError(("training", "selection", "name"), selection.name, problem, allowed)
    if selection.needs_losses and not algorithm.reports_losses:
        problem = f"{selection.name} chooses by losses of single clients, and {algorithm.name} trains on those of all"
        raise UnfitError(("training", "selection", "name"), selection.name, problem, "another policy or algorithm")
    try:
        model = structure(scenario, entry)
    except NoTokensError as error:
        if "train" in algorithm.ignores:  # the algorithm brings prompts of its own
            allowed = "another algorithm, or a VisionTransformer or a language model"
            raise UnfitError("name", entry.name, str(error), allowed) from error
        raise UnfitError(("training", "train"), training.train, str(error), "full, linear or bias") from error
    except NotStagedError as error:
        raise scenario.error(("model", "name"), scenario.model.name, str(error)) from error
    except UnfitError as error:  # the model cannot have these prompts or adapters
        if error.path[0] == "prompts":  # an algorithm may bring its own
            raise error if "prompts" in algorithm.ignores else error.below("training") from error
        if error.key == "blocks" and training.lora.blocks is None:  # the algorithm chose the blocks, by its head
            head = getattr(algorithm, "head", None)
            raise UnfitError("head", head, f"no block is left: {error.problem}") from error
        raise error.below("training", "lora") from error
    if model.takes_tokens and training.augment:
        problem = "images are augmented, and the data are texts"
        raise UnfitError(("training", "augment"), None, problem, "null")
    if model.takes_tokens and algorithm.mixes_batches and scenario.model.padding == "longest":
        problem = f"{algorithm.name} joins the batches of several devices, so all texts must be padded to one length"
        raise UnfitError("name", entry.name, problem, "model.padding: length, or another algorithm")
    if not model.slice(model.whole).trainable:
        problem = f"{algorithm.name} trains nothing: no parameter of the model is selected by its adapt"
        raise UnfitError("name", entry.name, problem)
    algorithm.check(model, training)
    try:
        if training.driver.needs_edges and not scenario.world.edges:
            problem = "it has edges serve the clients behind them, and the world has no edges"
            raise UnfitError("name", training.driver.name, problem, "world.edges, or another driver")
        training.driver.check(algorithm, training, scenario.world.clients)
    except UnfitError as error:
        raise error.below("training", "driver") from error
    return algorithm.messages(model, training)
