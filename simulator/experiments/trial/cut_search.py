"""Choose the cut of each device by a cut policy, from dry runs in which one device takes part alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from math import fsum
from typing import TYPE_CHECKING, Any

from simulator.algorithms.steps.split import CutPoint, SplitAlgorithm
from simulator.experiments.trial.build import structure
from simulator.experiments.trial.dry import DeviceClass, alone, as_key, device_classes, lone_device, steady
from simulator.experiments.trial.similar import alike
from simulator.experiments.trial.simulate import Simulation
from simulator.scheduling.cuts.base import Candidate
from simulator.settings.errors import UnfitError
from simulator.settings.humanize import human

if TYPE_CHECKING:
    from simulator.scenario.scenario import Entry, Scenario
    from simulator.settings.errors import ScenarioError


@dataclass
class CutCache:
    """What is known about the cuts of an entry; kept because every run of its trials asks for it again.

    Attributes:
        figures: the costs of a cut, by class of devices and cut.
        places: the chosen cuts, by seed and then by the name of the device.
    """

    figures: dict[tuple[DeviceClass, CutPoint], Candidate] = field(default_factory=dict)
    places: dict[int, dict[str, CutPoint]] = field(default_factory=dict)


@lru_cache(maxsize=8)
def _known(scenario: str, entry: str) -> CutCache:
    return CutCache()


def forget() -> None:
    """Forget which cuts were tried and chosen in this process."""
    _known.cache_clear()


def placed(scenario: Scenario, entry: Entry, seed: int) -> Entry:
    """Return the entry with the cuts that its policy chooses for this seed's devices; itself if it has no policy.

    A device that no cut fits gets the smallest cut where ``on_oom`` is ``skip`` or ``ignore``. The dry runs have links
    at their nominal rates, and nothing goes wrong in them: a policy cannot know how that will go.

    Args:
        scenario: the world, the model and the data.
        entry: one of its algorithms.
        seed: the seed, which decides the shards.

    Raises:
        ScenarioError: no cut fits a device, or the policy accepts none of those that fit. The message names the device
            and what would be needed.
    """
    algorithm = entry.algorithm
    if not isinstance(algorithm, SplitAlgorithm) or not algorithm.cut.chooses:
        return entry
    if algorithm.needs_values:
        problem = f"{entry.name} decides by {algorithm.needs_values}: no dry run can tell what a cut asks"
        raise scenario.error(("algorithms", entry.label, "cut"), None, problem, "fixed")
    scenario = steady(scenario)
    cache = _known(as_key(scenario), entry.model_dump_json())
    if seed not in cache.places:
        cache.places[seed] = _Choice(scenario, entry, algorithm, seed, cache).places()
    return entry.model_copy(update={"algorithm": algorithm.placed(cache.places[seed])})


def chosen(scenario: Scenario, entry: Entry, seed: int) -> Iterator[str]:
    """Yield the cuts that a policy chose, a line for each group: "SFL: raspberry-pi-4: head 2 (6 devices)".

    Args:
        scenario: the scenario of the entry.
        entry: an entry that ``placed`` returned; without a policy, nothing is yielded.
        seed: the seed, which is named if the scenario has several.
    """
    name = entry.label if len(scenario.seeds) == 1 else f"{entry.label}, seed {seed}"
    groups: dict[str, Counter[CutPoint]] = defaultdict(Counter)
    for device, place in getattr(entry.algorithm, "placement", {}).items():
        groups[device.rpartition("-")[0]][place] += 1
    for group, places in groups.items():
        cuts = (
            f"{_words(entry.algorithm, place)} ({count} device{'s' * (count > 1)})"
            for place, count in sorted(places.items())
        )
        yield f"{name}: {group}: {', '.join(cuts)}"


def _words(algorithm: Any, place: CutPoint | Candidate) -> str:
    """Return the part of a cut that a policy chooses, in words: "head 2"."""
    return ", ".join(f"{key} {getattr(place, key)}" for key in algorithm.chosen)


class Portions(Sequence[Candidate]):
    """The candidate cuts, from the smallest portion on the device to the largest; each is evaluated when it is read.

    Args:
        places: the cuts, in that order.
        look: evaluates a cut.
    """

    def __init__(self, places: Sequence[CutPoint], look: Callable[[CutPoint], Candidate]) -> None:
        self._places, self._look = places, look

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Portions(self._places[index], self._look)
        return self._look(self._places[index])


class _Choice:
    """The choice of one entry's policy for the devices of one seed.

    Args:
        scenario: the world, the model and the data.
        entry: the entry whose policy chooses.
        algorithm: the algorithm of this entry.
        seed: the seed, which decides the shards.
        known: the cache of this entry.

    Attributes:
        kin: the class of each device, by its name.
        first: for each class, a device of it; where lengths matter, its dry runs stand for all of the class.
        stands_for: what stands for each class of a population that has too many of them (see ``similar``); where
            lengths matter, each class stands for itself.
        lengths_matter: whether a batch of some samples costs more than one of as many others, as with texts.
        cuts: the cuts that the algorithm allows, from the smallest portion on the device to the largest.
    """

    def __init__(self, scenario: Scenario, entry: Entry, algorithm: SplitAlgorithm, seed: int, known: CutCache) -> None:
        self.scenario, self.entry, self.algorithm, self.seed, self.known = scenario, entry, algorithm, seed, known
        self.kin = device_classes(scenario, seed)
        self.first: dict[DeviceClass, str] = {}
        for name, kin in self.kin.items():
            self.first.setdefault(kin, name)
        self.lengths_matter = structure(scenario, entry).takes_tokens
        self.stands_for = {kin: kin for kin in self.first} if self.lengths_matter else alike(self.first)
        self.cuts = list(self._allowed())
        if not self.cuts:
            raise self._unwanted("these settings allow no cut of this model")

    def places(self) -> dict[str, CutPoint]:
        """Return the cut of each device by its name."""
        common = {kin: self._choose(self._portions(kin)) for kin in dict.fromkeys(self.stands_for.values())}
        own = {}
        for kin, other in self.stands_for.items():
            own[kin] = common[other]
            if own[kin] is None and kin != other:  # what is too much for the weakest of many may do for others
                own[kin], self.stands_for[kin] = self._choose(self._portions(kin)), kin
        for kin, place in own.items():
            if place is None:
                self._check_excused(kin)
        if self.algorithm.shares_one_cut:
            own = dict.fromkeys(own, self._common(own))
        return {name: own[kin] or self.cuts[0] for name, kin in self.kin.items()}

    def _allowed(self) -> Iterator[CutPoint]:
        training = self.entry.training
        for place in self.algorithm.cuts(structure(self.scenario, self.entry)):
            with suppress(UnfitError):  # for example, a cut at which the local loss would see nothing
                entry = self._cut_at(place)  # what is trained may depend on the cut
                entry.algorithm.check(structure(self.scenario, entry), training)
                yield place

    def _cut_at(self, place: CutPoint) -> Entry:
        """Return the entry with this cut for all devices."""
        return self.entry.model_copy(update={"algorithm": self.algorithm.cut_at(**place._asdict())})

    def _choose(self, portions: Portions) -> CutPoint | None:
        candidate = self.algorithm.cut.choose(portions)
        return candidate and CutPoint(candidate.head, candidate.tail)

    def _common(self, own: dict[DeviceClass, CutPoint | None]) -> CutPoint | None:
        """Choose one cut for all devices, without regard to those that are left out as too small anyway."""
        skip = self.scenario.world.on_oom == "skip"
        taking_part = [kin for kin, place in own.items() if place or not skip] or list(own)
        kins = dict.fromkeys(self.stands_for[kin] for kin in taking_part)
        portions = Portions(self.cuts, lambda place: _worst([self._figures(kin, place) for kin in kins]))
        common = self._choose(portions)
        if common is None and any(candidate.fits for candidate in portions):
            raise self._unwanted(f"no cut will do for all devices at once: {self._at_best(portions)}")
        return common

    def _portions(self, kin: DeviceClass) -> Portions:
        return Portions(self.cuts, lambda place: self._figures(kin, place))

    def _figures(self, kin: DeviceClass, place: CutPoint) -> Candidate:
        """Return the costs of a cut, from a dry run of two rounds in which a device of this class takes part alone.

        Two rounds are needed because one-time costs are in the first alone, and because a round may leave something in
        memory for the next. Other devices are left out of the world: they would not take part, and only the number of
        samples counts of a shard. Of texts the lengths count, so there the device has its own shard, beside all others.
        """
        key = kin, place
        if key not in self.known.figures:
            entry = self._cut_at(place)
            if self.lengths_matter:
                others = frozenset(self.kin) - {self.first[kin]}
                outcome = Simulation(self.scenario, alone(entry), self.seed, dry=True, without=others).run()
            else:
                outcome = Simulation(*lone_device(self.scenario, entry, kin), self.seed, dry=True).run()
            (peak,) = (peak for peak in outcome.client_peaks if peak.site not in outcome.without)
            *_, first, second = (point.sim_time_s for point in outcome.rounds)
            joules = [
                fsum(use.energy_j for use in outcome.uses if use.side == "client" and use.round == number)
                for number in (1, 2)
            ]
            seconds, energy = self._mean(first, second - first), self._mean(*joules)
            self.known.figures[key] = Candidate(*place, peak.bytes, peak.available, seconds, energy)
        return self.known.figures[key]

    def _mean(self, first: float, later: float) -> float:
        """Return the mean over the rounds in which a device takes part on average, all later ones like the second."""
        training = self.entry.training
        times = max(1.0, training.rounds * training.clients_per_round / self.scenario.world.clients)
        return (first + (times - 1) * later) / times

    def _check_excused(self, kin: DeviceClass) -> None:
        """Raise for a device without a cut, unless its memory is too small for any and the scenario allows that."""
        name, portions = self.first[kin], self._portions(kin)
        if any(candidate.fits for candidate in portions):
            raise self._unwanted(f"no cut will do for {name}: {self._at_best(portions)}")
        if self.scenario.world.on_oom == "error":
            least = min(portions, key=lambda candidate: candidate.peak_bytes)
            needed, available = human("bytes", least.peak_bytes), human("bytes", least.memory)
            problem = f"{self.entry.label} needs {needed} on {name} even with the smallest cut, {self._words(least)}"
            hint = "a smaller batch_size or model may fit (or say on_oom: skip or ignore)"
            loc = ("world", "devices", kin.group, "memory")
            raise self.scenario.error(loc, available, f"{problem}; {hint}")

    def _at_best(self, portions: Portions) -> str:
        """Say in words the best that the fitting cuts offer, by duration, energy and memory of a round."""
        fitting = [candidate for candidate in portions if candidate.fits]
        quick = min(fitting, key=lambda candidate: candidate.seconds)
        thrifty = min(fitting, key=lambda candidate: candidate.energy_j)
        small = min(fitting, key=lambda candidate: candidate.peak_bytes)
        return (
            f"a round takes {human('seconds', quick.seconds)} at least ({self._words(quick)}), "
            f"{human('joules', thrifty.energy_j)} ({self._words(thrifty)}) and {human('bytes', small.peak_bytes)} of "
            f"{human('bytes', small.memory)} ({self._words(small)})"
        )

    def _words(self, candidate: Candidate) -> str:
        return _words(self.algorithm, candidate)

    def _unwanted(self, problem: str) -> ScenarioError:
        return self.scenario.error(("algorithms", self.entry.label, "cut"), None, problem)


def _worst(candidates: Sequence[Candidate]) -> Candidate:
    """The most that a cut asks of one of several devices, and the least memory that there is."""
    return candidates[0]._replace(
        peak_bytes=max(candidate.peak_bytes for candidate in candidates),
        memory=min(candidate.memory for candidate in candidates),
        seconds=max(candidate.seconds for candidate in candidates),
        energy_j=max(candidate.energy_j for candidate in candidates),
    )
