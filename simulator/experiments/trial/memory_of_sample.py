"""Whether very many devices, and the server that they share, have memory enough: looked at with a few that stand for
all.

Each of the few is as weak as the weakest of its group, and has as many samples as any device: what they can do, all
can. The server is as much slower, and its links are as much narrower, as there are fewer devices: what waits for
them with all devices waits with a few, too. What the server needs is known at two numbers of devices, and is taken to
grow by a line from there. What comes near a limit is for a dry run of all devices to tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simulator.experiments.trial.dry import EqualShards, unbilled
from simulator.experiments.trial.memory_peaks import most_waiting, too_small
from simulator.experiments.trial.partition import partition
from simulator.experiments.trial.population import Population, populations, with_figures
from simulator.experiments.trial.settled_memory import MARGIN, can_settle
from simulator.experiments.trial.simulate import Simulation
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.experiments.trial.result import TrialResult
    from simulator.scenario.scenario import Entry, Scenario
    from simulator.scenario.sites import ServerSettings

MANY = 4096
"""With more devices than this in all rounds together, a few stand for all."""
FEW = 256
"""How many these are; half of them show how memory grows."""
ROUNDS = 3
"""How many rounds are looked at: the first sends what later ones need not, and each may leave something behind."""


def settled_by_sample(scenario: Scenario, entry: Entry, seed: int) -> str:
    """Return a sentence that says so, if a few devices show that all have memory enough; else an empty text.

    It is empty as well where the devices are not that many, and where one does not know before that a few can stand for
    all: see ``can_settle``. Edges, servers with a table of measured seconds, and cuts that a policy chooses for each
    device are looked at with all devices.

    Args:
        scenario: a scenario that has passed ``check``.
        entry: one of its algorithms.
        seed: the seed.
    """
    devices, training = scenario.world.clients, entry.training
    everybody = training.selection.name == "all"
    in_all = devices if everybody else min(devices, training.clients_per_round * training.rounds)
    cut = getattr(entry.algorithm, "cut", None)
    chooses, world = cut is not None and cut.chooses, scenario.world
    if in_all <= MANY or chooses or world.edges or world.server.table or not can_settle(scenario, entry):
        return ""
    at_once = devices if everybody else min(devices, training.clients_per_round)
    fewer, few = (_run(scenario, entry, seed, count, at_once) for count in (FEW // 2, FEW))
    counts = [len(outcome.client_peaks) for outcome in (fewer, few)]
    before, after = fewer.server_peak.bytes, few.server_peak.bytes
    growth = max(0.0, (after - before) / max(1, counts[1] - counts[0]))
    needed = after + growth * (in_all - counts[1])
    if too_small(few) or needed * MARGIN > few.server_peak.available:
        return ""
    return (
        f"The memory of {entry.label} was looked at with {counts[1]} devices for all {devices:,}, each "
        "as weak as the weakest of its group: nothing comes near a limit"
    )


def _run(scenario: Scenario, entry: Entry, seed: int, count: int, at_once: int) -> TrialResult:
    """Run some rounds dry in which about ``count`` devices take part, all of them, in the place of ``at_once``."""
    drawn = populations(scenario, seed)
    limits = [most._replace(memory=each.least("memory")) for most, each in zip(most_waiting(drawn), drawn, strict=True)]
    groups = tuple(
        with_figures(population.group, figures).model_copy(update={"count": number})
        for population, figures, number in zip(drawn, limits, _shares(drawn, count), strict=True)
    )
    samples = int(partition(scenario, Seeds(seed)).sizes.max())
    everybody = sum(group.count for group in groups)
    server = _slowed(scenario.world.server, min(1.0, everybody / at_once))
    world = scenario.world.model_copy(update={"devices": groups, "server": server})
    data = scenario.data.model_copy(update={"partition": EqualShards(samples=samples)})
    few = unbilled(scenario).model_copy(update={"world": world, "data": data})
    rounds = min(ROUNDS, entry.training.rounds)
    training = entry.training.model_copy(update={"rounds": rounds, "clients_per_round": everybody})
    return Simulation(few, entry.model_copy(update={"training": training}), seed, dry=True).run()


def _slowed(server: ServerSettings, part: float) -> ServerSettings:
    """Return the settings of a server that computes, sends and receives with a part of its speed."""
    links = {
        way: link.model_copy(update={"rate": part * link.rate})
        for way, link in (("uplink", server.uplink), ("downlink", server.downlink))
    }
    rates = {precision: part * rate for precision, rate in server.rate.items()}
    return server.model_copy(
        update={"rate": rates, "memory_bandwidth": part * server.memory_bandwidth, **links},
    )


def _shares(drawn: Sequence[Population], count: int) -> list[int]:
    """Return how many devices of each group stand for it: its share, and at least one."""
    devices = sum(map(len, drawn))
    return [max(1, count * len(population) // devices) for population in drawn]
