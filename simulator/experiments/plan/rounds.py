"""One round of an algorithm, dry: in the world as it is, with other links, or with other shards."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from pydantic import PositiveInt

from simulator.experiments.trial.build import devices
from simulator.experiments.trial.cut_search import placed
from simulator.experiments.trial.trial import run
from simulator.learning.data.partition.base import Partition

if TYPE_CHECKING:
    from simulator.experiments.trial.result import TrialResult
    from simulator.scenario.scenario import Entry, Scenario
    from simulator.scenario.world import LinkSettings


class Round(NamedTuple):
    """What a round takes: seconds, and sums over its cohort in bytes, FLOPs and joules; of the server its FLOPs.

    ``smashed``: of each client, the bytes of smashed data that it sent, all of it and in the smallest transfer.
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
        """Both ways, without frozen weights."""
        return self.bytes_up + self.bytes_down - self.bytes_provisioning


class EqualShards(Partition):
    """So many samples on every device, whatever there is: a sample may lie on several, or on one more than once.

    It is for dry runs, in which images are their sizes.
    """

    name: ClassVar[str] = "equal shards"
    samples: PositiveInt

    def split(self, labels: np.ndarray, clients: int, rng: np.random.Generator) -> list[np.ndarray]:
        return [
            (np.arange(self.samples) + first) % len(labels) for first in range(0, clients * self.samples, self.samples)
        ]


class Planner:
    """Runs rounds of a scenario, each the first with its first seed and cohort, and remembers what they took.

    Frozen weights are on the devices already, except in ``outcome``. Memory that is too small changes nothing.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario, self.seed = scenario, scenario.seeds[0]
        self._known: dict[tuple[object, ...], Round] = {}

    def settled(self, entry: Entry) -> Entry:
        """The entry with the cuts that its policy chooses in the world as it is, and goes on with whatever the links
        are; itself where it has no policy.

        Raises:
            ScenarioError: the policy finds no cut for a device.
        """
        found = placed(self.scenario, entry, self.seed)
        if found is entry:
            return entry
        chosen: Any = found.algorithm
        return found.model_copy(update={"algorithm": chosen.cut_at().placed(chosen.placement)})

    def outcome(self, entry: Entry, without: frozenset[str] = frozenset()) -> TrialResult:
        """The first round in the world as it is, frozen weights sent where they are; ``without`` these devices."""
        return run(self.scenario, rounds(entry, 1), self.seed, dry=True, without=without)

    def round(self, entry: Entry, *, speed: float = 1.0, samples: int | None = None) -> Round:
        """A round of an algorithm.

        Args:
            speed: what the rates of all devices' links are multiplied by.
            samples: on each device; as the scenario deals them if nothing is said.
        """
        places = tuple(getattr(entry.algorithm, "placement", {}).items())
        known = entry.label, *cut_of(entry), places, bool(entry.training.compression), speed, samples
        if known not in self._known:
            scenario = self._changed(speed, samples)
            self._known[known] = taken(run(scenario, rounds(entry, 1), self.seed, dry=True))
        return self._known[known]

    def repeated(self, entry: Entry) -> list[tuple[float, int, int]]:
        """Of the first and second round of a device that is alone: seconds, bytes both ways, FLOPs of the device."""
        scenario = self._changed(1.0, None)
        alone, *others = (name for name, _ in devices(scenario.world))
        outcome = run(scenario, rounds(entry, 2), self.seed, dry=True, without=frozenset(others))
        ends = [0.0, *(point.sim_time_s for point in outcome.rounds[-2:])]
        used = [[use for use in outcome.uses if (use.site, use.round) == (alone, number)] for number in (1, 2)]
        return [
            (end - begin, sum(use.bytes for use in own), sum(use.flops for use in own))
            for begin, end, own in zip(ends, ends[1:], used, strict=False)
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
    """The same for so many rounds."""
    return entry.model_copy(update={"training": entry.training.model_copy(update={"rounds": number})})


def cut_of(entry: Entry) -> tuple[int | None, int | None]:
    """Blocks of the head and of the tail; None for what an algorithm does not have, or does not look at."""
    algorithm = entry.algorithm
    labels_sent = getattr(algorithm, "labels", None) == "sent"  # the tail is at the server then
    return getattr(algorithm, "head", None), None if labels_sent else getattr(algorithm, "tail", None)


def taken(outcome: TrialResult) -> Round:
    """What a trial of one round took."""
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
