"""Find the cut nearest to an entry's own at which all sites fit, once one was found to be too small.

The answer is that of dry runs of the whole cohort, at each cut that a bisection asks for. What a server needs follows
from who is there at the same time, and so do the batches that wait on a device for its link, so no run of one device
tells it for certain. But such a run, or one of a few devices, tells where to look first: then two runs of the cohort
are enough, of the cut and of the one before it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from simulator.algorithms.steps.split import SplitAlgorithm
from simulator.experiments.trial.build import structure
from simulator.experiments.trial.dry import alone, device_classes, steady, unbilled, with_fixed_cohorts
from simulator.experiments.trial.memory_peaks import peaks_alone, too_small, with_peaks
from simulator.experiments.trial.result import MemoryPeak, TrialResult
from simulator.experiments.trial.simulate import Simulation
from simulator.experiments.trial.trial import Trial
from simulator.settings.errors import UnfitError
from simulator.settings.plugins import ALGORITHMS

if TYPE_CHECKING:
    from simulator.scenario.scenario import Entry, Scenario

FEW = 16
"""How many devices stand for a cohort, at least; smaller cohorts are simulated at once."""


def cut_that_fits(scenario: Scenario, outcome: TrialResult, peak: MemoryPeak, cohorts_vary: bool) -> str | None:
    """Return in words the cut nearest to the entry's own at which all sites fit, or None if there is none.

    For an entry without a cut, it is a cut of splitfed.

    Args:
        scenario: the scenario.
        outcome: the dry run in which a site was too small.
        peak: the peak of this site.
        cohorts_vary: whether cohorts depend on values or time, so that another cut has others.
    """
    devices = {one.site for one in outcome.client_peaks}
    entry, on_device = with_fixed_cohorts(outcome.entry), peak.site in devices
    borrowed = not hasattr(entry.algorithm, "head")
    algorithm = ALGORITHMS.find("splitfed")() if borrowed else entry.algorithm
    rounds = max(1, peak.round)  # the cohorts of these rounds are the same at every cut
    training = entry.training.model_copy(update={"rounds": rounds, "budget": None})

    def at(index: int) -> Entry:
        return entry.model_copy(update={"algorithm": _cut_at(algorithm, cuts[index]), "training": training})

    @cache
    def sides(index: int) -> tuple[bool, bool]:
        """Return whether the side that was too small fits at this cut, and whether all sites do."""
        there = at(index)
        peaks = peaks_alone(scenario, there, outcome.seed) if cohorts_vary else {}
        trial = Trial(unbilled(scenario), there, outcome.seed, dry=True)
        world = trial.build().world
        side = [client.site for client in world.clients] if on_device else [world.server]
        for _ in trial.rounds():
            if any(site.memory.peak_bytes > site.hardware.memory for site in side):
                trial.rounds().close()  # type: ignore[attr-defined]  # later rounds need no less
                return False, False
        small = too_small(with_peaks(trial.result(), peaks))
        return not any((site.site in devices) == on_device for site in small), not small

    cuts = list(_other_cuts(scenario, entry, algorithm, borrowed, on_device))
    guess = None
    if on_device and not cohorts_vary and scenario.world.on_oom != "skip":
        guess = _guess(scenario, outcome, len(cuts), at)
    # The further a cut is from the entry's own, the less is on the side that was too small, and the more on the other.
    first = first_true(len(cuts), lambda index: sides(index)[0], guess)
    if first == len(cuts) or not sides(first)[1]:
        return None
    words = ", ".join(f"{key}: {value}" for key, value in cuts[first].items())
    if isinstance(algorithm, SplitAlgorithm) and algorithm.cut.chooses:
        words = f"cut: {{name: fixed}} with {words}"
    return f"splitfed with {words}" if borrowed else words


def first_true(count: int, holds: Callable[[int], bool], guess: int | None = None) -> int:
    """Return the first index at which something holds that holds at all later ones as well; ``count`` if there is none.

    Args:
        count: the number of indices.
        holds: whether it holds at an index.
        guess: where that is supposed to be; a right guess takes two calls of ``holds``, or one at either end.
    """
    low, high = 0, count
    if guess is not None:
        if guess < count and not holds(guess):
            low = guess + 1
        elif guess > 0 and holds(guess - 1):
            high = guess - 1
        else:
            return guess
    return low + bisect_left(range(low, high), True, key=holds)


def _guess(scenario: Scenario, outcome: TrialResult, count: int, at: Callable[[int], Entry]) -> int | None:
    """Return the first cut at which a device of each class that took part fits, if only these take part.

    Args:
        scenario: the scenario.
        outcome: the dry run in which a device was too small.
        count: the number of cuts.
        at: returns the entry at a cut.

    Returns:
        The index of the cut; None where a run of the cohort takes no longer.
    """
    took_part = dict.fromkeys(outcome.ledger.engagements.column("client"))
    classes = device_classes(scenario, outcome.seed)
    first = {classes[name]: name for name in took_part if name in classes}
    if max(FEW, 2 * len(first)) > len(took_part):
        return None
    others = frozenset(classes) - set(first.values())
    calm = steady(scenario)

    def fit(index: int) -> bool:
        entry = alone(at(index))
        training = entry.training.model_copy(update={"clients_per_round": len(first)})
        entry = entry.model_copy(update={"training": training})
        result = Simulation(calm, entry, outcome.seed, dry=True, without=others).run()
        return all(peak.bytes <= peak.available for peak in result.client_peaks)

    return bisect_left(range(count), True, key=fit)


def _other_cuts(
    scenario: Scenario, entry: Entry, algorithm: Any, borrowed: bool, on_device: bool
) -> Iterator[dict[str, int]]:
    """Yield cuts that leave less and less on the device, or on the server if that was too small."""
    model = structure(scenario, entry)
    tail = getattr(algorithm, "tail", 0)
    heads = getattr(algorithm, "heads", [algorithm.head])
    head = len(model.blocks) - tail if borrowed else max(heads) if on_device else min(heads)
    if on_device:
        candidates: list[dict[str, int]] = [{"head": fewer} for fewer in range(head - 1, -1, -1)]
        candidates += [{"head": 0, "tail": fewer} for fewer in range(tail - 1, -1, -1)]
    else:
        candidates = [{"head": more} for more in range(0 if borrowed else head + 1, len(model.blocks) - tail)]
    for cut in candidates:
        with suppress(UnfitError):  # for example, a cut at which the local loss would see nothing
            changed = entry.model_copy(update={"algorithm": _cut_at(algorithm, cut)})
            changed.algorithm.check(structure(scenario, changed), entry.training)  # the cut may decide what is trained
            yield cut


def _cut_at(algorithm: Any, cut: dict[str, int]) -> Any:
    """Return the algorithm with this cut fixed, whatever policy it has."""
    return algorithm.cut_at(**cut) if isinstance(algorithm, SplitAlgorithm) else algorithm.model_copy(update=cut)
