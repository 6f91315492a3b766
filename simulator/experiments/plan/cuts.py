"""The plan of a scenario: every cut that its algorithms allow, with the costs and the memory of one round of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from simulator.experiments.plan.rounds import Planner, Round, cut_of, taken
from simulator.experiments.trial.build import structure
from simulator.experiments.trial.population import populations
from simulator.settings.errors import UnfitError
from simulator.settings.plugins import SELECTIONS

if TYPE_CHECKING:
    from simulator.experiments.trial.result import MemoryPeak, TrialResult
    from simulator.scenario.scenario import Entry, Scenario

Tell = Callable[[int, int], Any]
"""Called with the number of steps that are done, and with their total."""
SERVER = "server"


@dataclass(frozen=True)
class PlannedCut:
    """An algorithm at one of its cuts, with one round of it.

    Attributes:
        entry: the algorithm's entry, with this cut.
        own: whether this is the cut that the scenario sets, or one that its policy chooses; True for an algorithm
            without a cut.
        devices: for how many devices a policy chooses this cut; 0 without a policy.
        cohort: the names of the devices that take part.
        round: the first round, with frozen weights already on the devices.
        first_seconds: seconds of the first round in the unchanged world, where frozen weights are sent unless they are
            preinstalled.
        bytes_provisioning: bytes of these frozen weights, summed over the cohort.
        memory: peak bytes, by the name of a group of devices (the peak on any device that was run, among them the one
            with the most samples), and of the server.
        lacking: for each of these whose memory is too small, the bytes that it lacks.
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
        """Blocks in the head; None for an algorithm without a cut."""
        return cut_of(self.entry)[0]

    @property
    def tail(self) -> int | None:
        """Blocks in the tail on the device; None where there is no such tail."""
        return cut_of(self.entry)[1]

    @property
    def fits(self) -> bool:
        """Whether the memory of every group and of the server suffices."""
        return not self.lacking


@dataclass(frozen=True)
class Group:
    """A group of devices.

    Attributes:
        name: unique within the world.
        devices: indices of its devices among all devices of the world.
        memory: bytes that each of them has at least.
    """

    name: str
    devices: range
    memory: float


def points(planner: Planner, tell: Tell = lambda done, of: None) -> list[PlannedCut]:
    """Plan every algorithm in order, each at all its cuts from the smallest head to the largest.

    Args:
        planner: runs the rounds.
        tell: called with the number of cuts that are planned, and with their total.
    """
    wanted = [cut for entry in planner.scenario.algorithms for cut in cuts(planner, entry)]
    planned = []
    for done, (entry, own, devices) in enumerate(wanted):
        tell(done, len(wanted))
        planned.append(_point(planner, entry, own, devices))
    tell(len(wanted), len(wanted))
    return planned


def cuts(planner: Planner, entry: Entry) -> Iterator[tuple[Entry, bool, int]]:
    """Yield the entry at each head that its algorithm allows and at each cut that its policy chooses.

    Each comes with ``PlannedCut.own`` and ``PlannedCut.devices``. An entry without a cut is yielded as it is.

    Raises:
        ScenarioError: the policy finds no cut for a device.
    """
    algorithm: Any = entry.algorithm
    if not hasattr(algorithm, "head"):
        yield entry, True, 0
        return
    devices = _chosen(planner, entry)
    at_heads = (_cut_at(algorithm, head=head) for head in range(len(structure(planner.scenario, entry).blocks)))
    chosen_by_policy = (_cut_at(algorithm, **dict(zip(algorithm.chosen, cut, strict=True))) for cut in devices)
    candidates = {_head_and_tail(candidate): candidate for candidate in (*at_heads, *chosen_by_policy)}
    for _, cut in sorted(candidates.items()):
        with suppress(UnfitError):
            there = entry.model_copy(update={"algorithm": cut})
            cut.check(structure(planner.scenario, there), entry.training)  # the cut may decide what is trained
            count = devices[tuple(getattr(cut, key) for key in algorithm.chosen)] if devices else 0
            own = count > 0 if devices else cut.head == algorithm.head
            yield there, own, count


def _chosen(planner: Planner, entry: Entry) -> Counter[tuple[int, ...]]:
    """Count the devices for which a policy chooses each cut, given by the chosen keys; empty without a policy."""
    settled: Any = planner.settled(entry).algorithm
    places = getattr(settled, "placement", {}).values()
    return Counter(tuple(getattr(place, key) for key in settled.chosen) for place in places)


def _head_and_tail(algorithm: Any) -> tuple[int, int]:
    return algorithm.head, getattr(algorithm, "tail", 0)


def _cut_at(algorithm: Any, **cut: int) -> Any:
    """Return the algorithm with this cut fixed, whatever policy it has."""
    return algorithm.cut_at(**cut) if hasattr(algorithm, "cut_at") else algorithm.model_copy(update=cut)


def groups(scenario: Scenario) -> list[Group]:
    """Return the groups of devices with unique names: the second of one name is "name (2)"."""
    named: list[Group] = []
    ends = accumulate((group.count for group in scenario.world.devices), initial=0)
    drawn = populations(scenario, scenario.seeds[0])
    for group, (start, end), population in zip(scenario.world.devices, pairwise(ends), drawn, strict=True):
        namesakes = sum(other.name == group.name for other in scenario.world.devices[: len(named)])
        name = f"{group.name} ({namesakes + 1})" if namesakes else group.name
        named.append(Group(name, range(start, end), population.least("memory")))
    return named


def _cohort(outcome: TrialResult) -> tuple[str, ...]:
    taking_part = {row.client for row in outcome.ledger.engagements}
    return tuple(peak.site for peak in outcome.client_peaks if peak.site in taking_part)


def _point(planner: Planner, entry: Entry, own: bool, devices: int) -> PlannedCut:
    outcome = planner.outcome(entry)
    first = taken(outcome)
    world = groups(planner.scenario)
    memory = _memory(planner, entry, outcome, world)
    available = {group.name: group.memory for group in world} | {SERVER: outcome.server_peak.available}
    return PlannedCut(
        entry,
        own,
        devices,
        _cohort(outcome),
        planner.round(entry),
        first.seconds,
        first.bytes_provisioning,
        memory,
        {name: int(needed - available[name]) for name, needed in memory.items() if needed > available[name]},
    )


def _memory(planner: Planner, entry: Entry, outcome: TrialResult, world: list[Group]) -> dict[str, int]:
    """Return the peak bytes of each group and of the server.

    A group's peak covers its device with the most samples. Where that device was not in the cohort, a second round is
    run in which such devices alone take part.
    """
    chosen, peaks = _cohort(outcome), outcome.client_peaks
    samples = {peak.site: 0 for peak in peaks}
    for row in outcome.class_counts:
        samples[row.client] += row.samples
    largest = {
        group.name: max((peaks[at].site for at in group.devices), key=lambda site: (samples[site], site in chosen))
        for group in world
    }
    peak_of: dict[str, MemoryPeak] = {peak.site: peak for peak in peaks}
    absent = [site for site in largest.values() if site not in chosen]
    if absent and entry.algorithm.engages_cohort:
        everyone = SELECTIONS.find("uniform")()  # a cohort of this size is all of them
        training = entry.training.model_copy(update={"clients_per_round": len(absent), "selection": everyone})
        alone = entry.model_copy(update={"training": training})
        second = planner.outcome(alone, frozenset(samples) - frozenset(absent))
        peak_of |= {peak.site: peak for peak in second.client_peaks if peak.site in absent}
    memory = {}
    for group in world:
        sites = (largest[group.name], *(peaks[at].site for at in group.devices))
        memory[group.name] = max(peak_of[site].bytes for site in sites)
    return memory | {SERVER: outcome.server_peak.bytes}
