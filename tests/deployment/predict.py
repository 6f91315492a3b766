"""What the simulator predicts for the deployed scenario, on devices that were measured under their share of a core."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from simulator.algorithms.base import OwnOrder
from simulator.calibration.calibrate import Machine, written
from simulator.experiments.trial.build import devices
from simulator.experiments.trial.trial import run
from simulator.experiments.trial.validate import check
from simulator.scenario.edges import SERVER
from simulator.scenario.scenario import load
from simulator.settings.errors import ScenarioError
from tests.deployment.choreography import Done

if TYPE_CHECKING:
    from simulator.accounting.ledger import Ledger
    from simulator.scenario.scenario import Entry, Scenario

SCENARIO = Path(__file__).with_name("scenario.yaml")
_CORE = "core-"
_UNKNOWN = Machine(1e9, 1e9, 2**30, {"nothing": ((1, 0.0),)}, "a stand-in until the machine has been measured")


def share_of(name: str) -> float:
    """Return the share of a core that a device has by its name: 0.25 for core-25.

    Raises:
        ValueError: the name says no share.
    """
    percent = name.removeprefix(_CORE)
    if not name.startswith(_CORE) or not percent.isdigit() or not 1 <= int(percent) <= 100:
        raise ValueError(f"{name} is no share of a core: a deployed device is called core-25 if it has 25 % of one")
    return int(percent) / 100


def hardware(scenario: Scenario) -> dict[str, str]:
    """Return the name of the hardware of the server and of each device, by the name of the site."""
    world = scenario.world
    return {SERVER: world.server.name} | {name: world.devices[group].name for name, group in devices(world)}


def stand_in(names: Iterable[str]) -> str:
    """Return a catalogue with figures that mean nothing, for a scenario whose hardware is still to be measured."""
    return merged({name: written(name, _UNKNOWN, {"idle": "0 W", "compute": "0 W"}) for name in names})


def merged(catalogues: dict[str, str]) -> str:
    """Return one catalogue of the only devices of several, under the names given here."""
    found = {}
    for name, text in catalogues.items():
        (found[name],) = yaml.safe_load(text)["devices"].values()
    return yaml.safe_dump({"devices": found}, sort_keys=False)


def named_hardware(file: Path) -> list[str]:
    """Return all hardware that the world of a scenario names, before the scenario can be read."""
    world = yaml.safe_load(file.read_text("utf-8"))["world"]
    return sorted({each["name"] for each in (*world["devices"], *world.get("edges", ()), world["server"])})


def loaded(catalogue: Path, changes: Sequence[str] = ()) -> Scenario:
    """Return the scenario with this catalogue, checked.

    Raises:
        ScenarioError: it cannot be used, or asks for something that is not deployed.
    """
    scenario = load(SCENARIO, [f"world.catalogue={catalogue}", *changes])
    check(scenario)
    if (problem := undeployable(scenario)) is not None:
        raise ScenarioError(f"{SCENARIO}: {problem}")
    return scenario


def undeployable(scenario: Scenario) -> str | None:
    """Return what of a scenario a real deployment has no counterpart for, in words; None if there is nothing."""
    world = scenario.world
    for name in dict.fromkeys(hardware(scenario).values()):
        try:
            share_of(name)
        except ValueError as error:
            return f"world: {error}"
    if any(edge.access for edge in world.edges):
        return "world.edges: an access medium is not deployed"
    if any(settings.loss for each in (*world.devices, *world.edges, world.server) for settings in _links(each)):
        return "world: links that lose bytes are not deployed"
    if world.server.slots * world.server.gpus > 1 or world.server.batching or world.server.queue.name != "fifo":
        return "world.server: only one slot with the queue fifo is deployed"
    if world.model_dump() != world.calm().without_signals().model_dump():
        return "world: only devices that stay and links that do not vary are deployed"
    for entry in scenario.algorithms:
        training, where = entry.training, f"algorithms.{entry.label}"
        if training.driver.name != "synchronous" or training.clients_per_round != world.clients:
            return f"{where}: only synchronous rounds in which all devices take part are deployed"
        if training.wire_dtype != "fp32" or training.compression:
            return f"{where}: payloads are sent as they are, in fp32, without compression"
        if isinstance(entry.algorithm, OwnOrder):
            return f"{where}: {entry.algorithm.name} orders its rounds itself, which is not deployed"
    return None


def _links(site: Any) -> tuple[Any, Any]:
    return site.uplink, site.downlink


def without_latency(scenario: Scenario) -> Scenario:
    """Return the scenario with links without latency."""

    def steady(site: Any) -> Any:
        ways = {way: getattr(site, way).model_copy(update={"latency": 0.0}) for way in ("uplink", "downlink")}
        return site.model_copy(update=ways)

    world = scenario.world
    sites = {key: tuple(map(steady, getattr(world, key))) for key in ("devices", "edges")}
    return scenario.model_copy(update={"world": world.model_copy(update={**sites, "server": steady(world.server)})})


def predicted(scenario: Scenario, entry: Entry) -> Ledger:
    """Return the ledger of a dry trial of an algorithm."""
    return run(scenario, entry, scenario.seeds[0], dry=True).ledger


def schedule(ledger: Ledger) -> list[Done]:
    """Return the works and the transfers of a ledger in the form in which a deployment records its own."""
    works = [Done(row.client, row.round, row.site, "", row.work, row.start, row.seconds) for row in ledger.works]
    sent = [
        Done(row.client, row.round, row.source, row.target, row.kind, row.start, row.seconds, row.bytes)
        for row in ledger.transfers
    ]
    return works + sent
