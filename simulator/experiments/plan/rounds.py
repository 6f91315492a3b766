"""Dry runs of one round of an algorithm: in the unchanged world, with other link rates, or with other shards."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from simulator.experiments.trial.build import devices
from simulator.experiments.trial.cut_search import placed
from simulator.experiments.trial.dry import EqualShards, alone, scenario_with_fixed_cohorts, steady
from simulator.experiments.trial.trial import run
from simulator.settings.plugins import DRIVERS

if TYPE_CHECKING:
    from simulator.experiments.trial.result import TrialResult
    from simulator.scenario.scenario import Entry, Scenario
    from simulator.scenario.sites import LinkSettings


class Round(NamedTuple):
    """The costs of a round: its duration, sums over the cohort, and the server's FLOPs.

    Attributes:
        seconds: simulated duration of the round.
        bytes_up, bytes_down: bytes that the cohort sent and received.
        bytes_provisioning: bytes of frozen weights among ``bytes_down``.
        client_flops, server_flops: FLOPs of the cohort and of the server.
        client_energy_j: joules of the devices.
        smashed: for each client, the bytes of smashed data that it sent: in total, and in its smallest transfer.
    """

    seconds: float
    bytes_up: int
    bytes_down: int
    bytes_provisioning: int
    client_flops: int
    server_flops: int
    client_energy_j: float
    smashed: dict[str, tuple[int, int]]

    @property
    def bytes(self) -> int:
        """Bytes in both directions, without frozen weights."""
        return self.bytes_up + self.bytes_down - self.bytes_provisioning


class Planner:
    """Runs first rounds of a scenario, with its first seed and cohort, and remembers their costs.

    Frozen weights are on the devices already, except in ``outcome``. Memory is not enforced: a device that is too small
    takes part all the same. Links have their nominal rates: what varies in time is left out. Selection is uniform where
    cohorts depend on values or time. Prices and carbon are left out, too.

    Attributes:
        scenario: the scenario as it was loaded, without prices, signals and such policies, where nothing goes wrong.
        varies: whether there were signals.
        asynchronous: whether there were other drivers than the synchronous one, with which all rounds are run.
        seed: its first seed.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.varies = any(scenario.world.signals())
        self.asynchronous = any(entry.training.driver.name != "synchronous" for entry in scenario.algorithms)
        (self.scenario, _), self.seed = scenario_with_fixed_cohorts(steady(scenario)), scenario.seeds[0]
        self._known: dict[tuple[object, ...], Round] = {}

    def settled(self, entry: Entry) -> Entry:
        """Return the entry with the cuts that its policy chooses in the unchanged world, or itself without a policy.

        These cuts are fixed from then on: with other link rates or shards, the policy does not choose again.

        Raises:
            ScenarioError: the policy finds no cut for a device.
        """
        placed_entry = placed(self.scenario, entry, self.seed)
        if placed_entry is entry:
            return entry
        algorithm: Any = placed_entry.algorithm
        return placed_entry.model_copy(update={"algorithm": algorithm.cut_at().placed(algorithm.placement)})

    def outcome(self, entry: Entry, without: frozenset[str] = frozenset()) -> TrialResult:
        """Run the first round in the unchanged world, provisioning included.

        Args:
            entry: the algorithm.
            without: names of devices that are never chosen.
        """
        return run(self.scenario, rounds(entry, 1), self.seed, dry=True, without=without)

    def round(self, entry: Entry, *, speed: float = 1.0, samples: int | None = None) -> Round:
        """Return the costs of an algorithm's first round, from a dry run unless they are known.

        Args:
            entry: the algorithm, with its cut.
            speed: factor on the rates of all devices' links.
            samples: samples on each device; None: as the scenario partitions the data.
        """
        places = tuple(getattr(entry.algorithm, "placement", {}).items())
        key = entry.label, *cut_of(entry), places, bool(entry.training.compression), speed, samples
        if key not in self._known:
            scenario = self._changed(speed, samples)
            self._known[key] = taken(run(scenario, rounds(entry, 1), self.seed, dry=True))
        return self._known[key]

    def repeated(self, entry: Entry) -> list[tuple[float, int, int]]:
        """Return the costs of the first and the second round of a device that takes part alone.

        Each is (seconds, bytes in both directions, FLOPs of the device).
        """
        scenario = self._changed(1.0, None)
        first, *others = (name for name, _ in devices(scenario.world))
        outcome = run(scenario, alone(rounds(entry, 2)), self.seed, dry=True, without=frozenset(others))
        ends = [0.0, *(point.sim_time_s for point in outcome.rounds[-2:])]
        by_round = [[use for use in outcome.uses if (use.site, use.round) == (first, number)] for number in (1, 2)]
        return [
            (end - begin, sum(use.bytes for use in device_uses), sum(use.flops for use in device_uses))
            for begin, end, device_uses in zip(ends, ends[1:], by_round, strict=False)
        ]

    def _changed(self, speed: float, samples: int | None) -> Scenario:
        world, data = self.scenario.world, self.scenario.data

        def scaled(link: LinkSettings) -> LinkSettings:
            return link.model_copy(update={"rate": speed * link.rate})

        groups = tuple(
            group.model_copy(update={"uplink": scaled(group.uplink), "downlink": scaled(group.downlink)})
            for group in world.devices
        )
        if samples:
            data = data.model_copy(update={"partition": EqualShards(samples=samples)})
        world = world.model_copy(update={"devices": groups, "provisioning": "preinstalled"})
        return self.scenario.model_copy(update={"world": world, "data": data})


def rounds(entry: Entry, number: int) -> Entry:
    """Return the entry with another number of rounds, all of them synchronous, and no budget."""
    update = {"rounds": number, "budget": None, "driver": DRIVERS.find("synchronous")()}
    return entry.model_copy(update={"training": entry.training.model_copy(update=update)})


def cut_of(entry: Entry) -> tuple[int | None, int | None]:
    """Return the numbers of blocks in the head and in the tail on the device; None for a part that does not exist."""
    algorithm = entry.algorithm
    labels_sent = getattr(algorithm, "labels", None) == "sent"  # the tail is at the server then
    return getattr(algorithm, "head", None), None if labels_sent else getattr(algorithm, "tail", None)


def taken(outcome: TrialResult) -> Round:
    """Return the costs of the one round of a trial."""
    clients = [use for use in outcome.uses if use.side == "client"]
    smashed: dict[str, list[int]] = defaultdict(list)
    for row in outcome.ledger.transfers:
        if row.client and row.kind.startswith("smashed data"):
            smashed[row.client].append(row.bytes)
    down = [use for use in clients if use.activity == "download"]
    return Round(
        seconds=outcome.rounds[-1].sim_time_s,
        bytes_up=sum(use.bytes for use in clients if use.activity == "upload"),
        bytes_down=sum(use.bytes for use in down),
        bytes_provisioning=sum(use.bytes for use in down if use.phase == "provisioning"),
        client_flops=sum(use.flops for use in clients),
        server_flops=sum(use.flops for use in outcome.uses if use.side == "server"),
        client_energy_j=sum(use.energy_j for use in clients),
        smashed={client: (sum(sizes), min(sizes)) for client, sizes in smashed.items()},
    )
