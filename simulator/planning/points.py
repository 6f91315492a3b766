"""The plan of a scenario: every cut that its algorithms allow, with what one round of each takes and needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from simulator.algorithms.base import UnfitError
from simulator.planning.rounds import Planner, Round, cut_of, taken
from simulator.trial import structure

if TYPE_CHECKING:
    from simulator.outcome import Outcome, Peak
    from simulator.scenario import Entry, Scenario

Tell = Callable[[int, int], Any]
SERVER = "server"


@dataclass(frozen=True)
class Point:
    """An algorithm with one of its cuts, and a round of it.

    Attributes:
        entry: with this cut.
        cohort: the names of the devices that take part.
        own: the cut is the one that the scenario says; so it is where there is none to choose.
        round: the first, where frozen weights are on the devices already.
        first_seconds: of the first round in the world as it is: frozen weights are sent in it, unless preinstalled.
        bytes_provisioning: of these frozen weights, of the whole cohort.
        memory: bytes at the fullest, by group of devices (of that with most samples), and of the server.
        lacking: bytes by which one of these is too small, where it is.
    """

    entry: Entry
    own: bool
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


def points(planner: Planner, tell: Tell = lambda done, of: None) -> list[Point]:
    """All algorithms in their order, each with all its cuts from the smallest head to the largest.

    Args:
        tell: is called with how many points are planned, and of how many.
    """
    wanted = [found for entry in planner.scenario.algorithms for found in cuts(planner.scenario, entry)]
    planned = []
    for done, (entry, own) in enumerate(wanted):
        tell(done, len(wanted))
        planned.append(_point(planner, entry, own))
    tell(len(wanted), len(wanted))
    return planned


def cuts(scenario: Scenario, entry: Entry) -> Iterator[tuple[Entry, bool]]:
    """The entry with each head that its algorithm allows, and whether that is its own; itself where it has none."""
    algorithm = entry.algorithm
    if not hasattr(algorithm, "head"):
        yield entry, True
        return
    model = structure(scenario, entry)
    for head in range(len(model.blocks)):
        cut = _cut_at(algorithm, head)
        with suppress(UnfitError):
            cut.check(model, entry.training)
            yield entry.model_copy(update={"algorithm": cut}), head == algorithm.head


def _cut_at(algorithm: Any, head: int) -> Any:
    """The same with this head, whatever policy chooses it otherwise."""
    if hasattr(algorithm, "cut_at"):
        return algorithm.cut_at(head=head)
    return algorithm.model_copy(update={"head": head})


def groups(scenario: Scenario) -> list[Group]:
    """The groups of devices, each under a name of its own."""
    found: list[Group] = []
    ends = accumulate((group.count for group in scenario.world.devices), initial=0)
    for group, (start, end) in zip(scenario.world.devices, pairwise(ends), strict=True):
        same = sum(other.name == group.name for other in scenario.world.devices[: len(found)])
        name = f"{group.name} ({same + 1})" if same else group.name
        found.append(Group(name, range(start, end), group.memory))
    return found


def _cohort(outcome: Outcome) -> tuple[str, ...]:
    taking_part = {row.client for row in outcome.ledger.engagements}
    return tuple(peak.site for peak in outcome.client_peaks if peak.site in taking_part)


def _point(planner: Planner, entry: Entry, own: bool) -> Point:
    outcome = planner.outcome(entry)
    first = taken(outcome)
    world = groups(planner.scenario)
    memory = _memory(planner, entry, outcome, world)
    there = {group.name: group.memory for group in world} | {SERVER: outcome.server_peak.available}
    return Point(
        entry,
        own,
        _cohort(outcome),
        planner.round(entry),
        first.seconds,
        first.bytes_provisioning,
        memory,
        {name: int(bytes - there[name]) for name, bytes in memory.items() if bytes > there[name]},
    )


def _memory(planner: Planner, entry: Entry, outcome: Outcome, world: list[Group]) -> dict[str, int]:
    """Of each group's device with most samples: those that were not chosen run a round of their own."""
    chosen, peaks = _cohort(outcome), outcome.client_peaks
    samples = {peak.site: 0 for peak in peaks}
    for dealt in outcome.dealt:
        samples[dealt.client] += dealt.samples
    largest = {
        group.name: max((peaks[at].site for at in group.devices), key=lambda site: (samples[site], site in chosen))
        for group in world
    }
    found: dict[str, Peak] = {peak.site: peak for peak in peaks}
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
