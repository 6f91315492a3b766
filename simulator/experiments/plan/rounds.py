"""One round of an algorithm: in the unchanged world, with other link rates, or with other shards.

A closed form gives it where one holds, a dry run everywhere else; the figures are the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from simulator.experiments.plan.closed_forms import Closed, ClosedForms
from simulator.experiments.plan.fleet import DoesNotHoldError
from simulator.experiments.trial.build import devices
from simulator.experiments.trial.cut_search import placed
from simulator.experiments.trial.dry import EqualShards, alone, scenario_with_fixed_cohorts, steady
from simulator.experiments.trial.trial import run
from simulator.settings.plugins import DRIVERS
from simulator.settings.wording import listed

if TYPE_CHECKING:
    from simulator.experiments.trial.result import TrialResult
    from simulator.scenario.scenario import Entry, Scenario
    from simulator.scenario.sites import DeviceSettings, LinkSettings


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
        closed: how many rounds were computed by closed forms, by the label of the entry.
        dry: how many dry runs stood in for a closed form, by label and by the reason, a clause.

    Args:
        scenario: the scenario.
        closed_forms: whether to use closed forms where they hold.
    """

    def __init__(self, scenario: Scenario, closed_forms: bool = True) -> None:
        self.varies = any(scenario.world.signals())
        self.asynchronous = any(entry.training.driver.name != "synchronous" for entry in scenario.algorithms)
        (self.scenario, _), self.seed = scenario_with_fixed_cohorts(steady(scenario)), scenario.seeds[0]
        self.closed: Counter[str] = Counter()
        self.dry: dict[str, Counter[str]] = defaultdict(Counter)
        self._forms = ClosedForms(self._changed(1.0, None), self.seed) if closed_forms else None
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
        outcome = run(self.scenario, rounds(entry, 1), self.seed, dry=True, without=without)
        if self.scenario.world.provisioning == "preinstalled" and not without:
            self._known[self._key(entry)] = taken(outcome)  # it is that round
        return outcome

    def round(self, entry: Entry, *, speed: float = 1.0, samples: int | None = None) -> Round:
        """Return the costs of an algorithm's first round, unless they are known from a closed form or a dry run.

        Args:
            entry: the algorithm, with its cut.
            speed: factor on the rates of all devices' links.
            samples: samples on each device; None: as the scenario partitions the data.
        """
        key = self._key(entry, speed, samples)
        if key not in self._known:
            closed = self._closed(entry, speed, samples)
            self._known[key] = (
                _as_round(closed)
                if closed
                else taken(run(self._changed(speed, samples), rounds(entry, 1), self.seed, dry=True))
            )
        return self._known[key]

    def repeated(self, entry: Entry) -> list[tuple[float, int, int]]:
        """Return the costs of the first and the second round of a device that takes part alone.

        Each is (seconds, bytes in both directions, FLOPs of the device).
        """
        scenario = self._changed(1.0, None)
        first, *others = (name for name, _ in devices(scenario.world))
        both = [self._closed(entry, device=first, number=number) for number in (1, 2)]
        if both[0] and both[1]:
            return [_of_one_device(closed) for closed in both if closed]
        outcome = run(scenario, alone(rounds(entry, 2)), self.seed, dry=True, without=frozenset(others))
        ends = [0.0, *(point.sim_time_s for point in outcome.rounds[-2:])]
        by_round = [[use for use in outcome.uses if (use.site, use.round) == (first, number)] for number in (1, 2)]
        return [
            (end - begin, sum(use.bytes for use in device_uses), sum(use.flops for use in device_uses))
            for begin, end, device_uses in zip(ends, ends[1:], by_round, strict=False)
        ]

    def _key(self, entry: Entry, speed: float = 1.0, samples: int | None = None) -> tuple[object, ...]:
        places = tuple(getattr(entry.algorithm, "placement", {}).items())
        return entry.label, *cut_of(entry), places, bool(entry.training.compression), speed, samples

    def account(self) -> Iterator[str]:
        """Yield how many rounds closed forms gave so far, and for whom, and why, dry runs were needed instead."""
        rounds_closed, rounds_dry = self.closed.total(), sum(runs.total() for runs in self.dry.values())
        if rounds_closed:
            yield (
                f"{rounds_closed:,} of {rounds_closed + rounds_dry:,} rounds are from closed forms, with the figures "
                "of dry runs; memory, and what first rounds send besides, are from dry runs."
            )
        for label, runs in self.dry.items():
            yield f"{label}: dry runs for {runs.total():,} of its rounds, because {listed(runs)}."

    def _closed(
        self,
        entry: Entry,
        speed: float = 1.0,
        samples: int | None = None,
        device: str | None = None,
        number: int = 1,
    ) -> Closed | None:
        """Return a round by a closed form; None if none holds. Arguments are those of ``ClosedForms.round``."""
        if self._forms is None:
            return None
        try:
            closed = self._forms.round(entry, speed, samples, device, number)
        except DoesNotHoldError as reason:
            self.dry[entry.label][str(reason)] += 1
            return None
        self.closed[entry.label] += 1
        return closed

    def _changed(self, speed: float, samples: int | None) -> Scenario:
        world, data = self.scenario.world, self.scenario.data

        def scaled(link: LinkSettings) -> LinkSettings:
            return link.model_copy(update={"rate": speed * link.rate})

        def changed(group: DeviceSettings) -> DeviceSettings:
            population = group.population and group.population.with_links(speed)
            if population and samples:
                population = population.model_copy(update={"samples": None})
            links = {"uplink": scaled(group.uplink), "downlink": scaled(group.downlink)}
            return group.model_copy(update={**links, "population": population})

        groups = tuple(map(changed, world.devices))
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


def _as_round(closed: Closed) -> Round:
    figures = closed.figures
    return Round(
        seconds=figures.seconds,
        bytes_up=int(figures.bytes_up),
        bytes_down=int(figures.bytes_down),
        bytes_provisioning=0,
        client_flops=int(figures.device_flops),
        server_flops=int(figures.server_flops),
        client_energy_j=closed.client_energy_j,
        smashed=closed.smashed,
    )


def _of_one_device(closed: Closed) -> tuple[float, int, int]:
    """Return seconds, bytes in both directions and FLOPs of the device, for a round with one device."""
    figures = closed.figures
    return figures.seconds, int(figures.bytes_up + figures.bytes_down), int(figures.device_flops)


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
