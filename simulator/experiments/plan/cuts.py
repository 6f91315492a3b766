"""The plan of a scenario: every cut that its algorithms allow, with what one round of each takes and needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from simulator.experiments.plan.rounds import Planner, Round, cut_of, taken
from simulator.experiments.trial.build import structure
from simulator.settings.errors import UnfitError

if TYPE_CHECKING:
    from simulator.experiments.trial.result import MemoryPeak, TrialResult
    from simulator.scenario.scenario import Entry, Scenario

Tell = Callable[[int, int], Any]
SERVER = "server"


@dataclass(frozen=True)
class PlannedCut:
    """An algorithm with one of its cuts, and a round of it.

    Attributes:
        entry: with this cut.
        cohort: the names of the devices that take part.
        own: the cut is the one that the scenario says, or one that its policy chooses; so it is where there is none.
        devices: for how many devices a policy chooses this cut; 0 where no policy chooses.
        round: the first, where frozen weights are on the devices already.
        first_seconds: of the first round in the world as it is: frozen weights are sent in it, unless preinstalled.
        bytes_provisioning: of these frozen weights, of the whole cohort.
        memory: bytes at the fullest, by group of devices (of that with most samples), and of the server.
        lacking: bytes by which one of these is too small, where it is.
    """

    entry: Entry
    own: bool
    devices: int
    cohort: tuple[str, ...]
    round: Round
    first_seconds: float
    bytes_provisioning: int
    memory: dict[str, int]
    lacking: dict[str, int]

    @property
    def label(self) -> str:
        return self.entry.label

    @property
    def head(self) -> int | None:
        return cut_of(self.entry)[0]

    @property
    def tail(self) -> int | None:
        return cut_of(self.entry)[1]

    @property
    def fits(self) -> bool:
        return not self.lacking


@dataclass(frozen=True)
class Group:
    """A group of devices: its name, which of the world's devices it is, what memory (bytes) each has."""

    name: str
    devices: range
    memory: float


def points(planner: Planner, tell: Tell = lambda done, of: None) -> list[PlannedCut]:
    """All algorithms in their order, each with all its cuts from the smallest head to the largest.

    Args:
        tell: is called with how many points are planned, and of how many.
    """
    wanted = [found for entry in planner.scenario.algorithms for found in cuts(planner, entry)]
    planned = []
    for done, (entry, own, devices) in enumerate(wanted):
        tell(done, len(wanted))
        planned.append(_point(planner, entry, own, devices))
    tell(len(wanted), len(wanted))
    return planned


def cuts(planner: Planner, entry: Entry) -> Iterator[tuple[Entry, bool, int]]:
    """The entry with each head that its algorithm allows and each cut that its policy chooses; itself where it has
    none. With each: whether it is its own, and for how many devices a policy chooses it.

    Raises:
        ScenarioError: the policy finds no cut for a device.
    """
    algorithm: Any = entry.algorithm
    if not hasattr(algorithm, "head"):
        yield entry, True, 0
        return
    model = structure(planner.scenario, entry)
    devices = _chosen(planner, entry)
    heads = (_cut_at(algorithm, head=head) for head in range(len(model.blocks)))
    others = (_cut_at(algorithm, **dict(zip(algorithm.chosen, cut, strict=True))) for cut in devices)
    for _, cut in sorted({_head_and_tail(at): at for at in (*heads, *others)}.items()):
        with suppress(UnfitError):
            cut.check(model, entry.training)
            count = devices[tuple(getattr(cut, key) for key in algorithm.chosen)] if devices else 0
            own = count > 0 if devices else cut.head == algorithm.head
            yield entry.model_copy(update={"algorithm": cut}), own, count


def _chosen(planner: Planner, entry: Entry) -> Counter[tuple[int, ...]]:
    """For how many devices its policy chooses which cut, by the keys that it chooses; empty where it has no policy."""
    settled: Any = planner.settled(entry).algorithm
    places = getattr(settled, "placement", {}).values()
    return Counter(tuple(getattr(place, key) for key in settled.chosen) for place in places)


def _head_and_tail(algorithm: Any) -> tuple[int, int]:
    return algorithm.head, getattr(algorithm, "tail", 0)


def _cut_at(algorithm: Any, **cut: int) -> Any:
    """The same with this cut, whatever policy chooses it otherwise."""
    return algorithm.cut_at(**cut) if hasattr(algorithm, "cut_at") else algorithm.model_copy(update=cut)


def groups(scenario: Scenario) -> list[Group]:
    """The groups of devices, each under a name of its own."""
    found: list[Group] = []
    ends = accumulate((group.count for group in scenario.world.devices), initial=0)
    for group, (start, end) in zip(scenario.world.devices, pairwise(ends), strict=True):
        same = sum(other.name == group.name for other in scenario.world.devices[: len(found)])
        name = f"{group.name} ({same + 1})" if same else group.name
        found.append(Group(name, range(start, end), group.memory))
    return found


def _cohort(outcome: TrialResult) -> tuple[str, ...]:
    taking_part = {row.client for row in outcome.ledger.engagements}
    return tuple(peak.site for peak in outcome.client_peaks if peak.site in taking_part)


def _point(planner: Planner, entry: Entry, own: bool, devices: int) -> PlannedCut:
    outcome = planner.outcome(entry)
    first = taken(outcome)
    world = groups(planner.scenario)
    memory = _memory(planner, entry, outcome, world)
    there = {group.name: group.memory for group in world} | {SERVER: outcome.server_peak.available}
    return PlannedCut(
        entry,
        own,
        devices,
        _cohort(outcome),
        planner.round(entry),
        first.seconds,
        first.bytes_provisioning,
        memory,
        {name: int(bytes - there[name]) for name, bytes in memory.items() if bytes > there[name]},
    )


def _memory(planner: Planner, entry: Entry, outcome: TrialResult, world: list[Group]) -> dict[str, int]:
    """Of each group's device with most samples: those that were not chosen run a round of their own."""
    chosen, peaks = _cohort(outcome), outcome.client_peaks
    samples = {peak.site: 0 for peak in peaks}
    for dealt in outcome.class_counts:
        samples[dealt.client] += dealt.samples
    largest = {
        group.name: max((peaks[at].site for at in group.devices), key=lambda site: (samples[site], site in chosen))
        for group in world
    }
    found: dict[str, MemoryPeak] = {peak.site: peak for peak in peaks}
    absent = [site for site in largest.values() if site not in chosen]
    if absent and entry.algorithm.engages_cohort:
        training = entry.training.model_copy(update={"clients_per_round": len(absent)})
        alone = entry.model_copy(update={"training": training})
        others = planner.outcome(alone, frozenset(samples) - frozenset(absent))
        found |= {peak.site: peak for peak in others.client_peaks if peak.site in absent}
    memory = {
        group.name: max(found[site].bytes for site in (largest[group.name], *(peaks[at].site for at in group.devices)))
        for group in world
    }
    return memory | {SERVER: outcome.server_peak.bytes}
