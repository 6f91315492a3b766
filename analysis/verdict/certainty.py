"""Whether a lead is decided, given the seeds, the evaluations and the size of the test set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from statistics import fmean

from analysis.goal import Goal, Target
from analysis.settled import points, sampling_error
from analysis.verdict.chance import CONFIDENCE, Interval, differences, ratios
from analysis.verdict.contender import Contender
from analysis.verdict.ranking import LEVEL, Ranking, joined, times
from simulator.settings.humanize import human

ERRORS = 2.0
"""By how many standard errors of the test samples the target is shifted to see whether the order stays."""
ENOUGH = 3
"""With fewer pairs of seeds there is no interval: that of two would be thousands of times as wide as they are apart."""


@dataclass
class Certainty:
    """Whether a lead is decided, and sentences on why.

    Attributes:
        doubts: what leaves it undecided, as clauses.
        support: what speaks for it, as sentences.
    """

    doubts: list[str] = field(default_factory=list)
    support: list[str] = field(default_factory=list)

    @property
    def decided(self) -> bool:
        """Whether nothing leaves it undecided."""
        return not self.doubts

    @property
    def sentences(self) -> Iterator[str]:
        """The sentences: first whether it is decided."""
        yield f"Not decided: {'; '.join(self.doubts)}." if self.doubts else "Decided."
        yield from self.support


def of_race(first: Contender, contenders: Sequence[Contender], target: Target) -> Certainty:
    """Return how sure it is that an algorithm holds a target before all others.

    Args:
        first: the one that does, in the mean.
        contenders: all algorithms.
        target: the target.
    """
    found = Certainty()
    _count_seeds(found, first, target.goal)
    held, others = first.held(target), [each for each in contenders if each.label != first.label]
    rivals = [each for each in others if each.held(target)]
    for each in rivals:
        earlier = [seed for seed, time in each.held(target).items() if time < held.get(seed, inf) and seed in held]
        if earlier:
            found.doubts.append(f"{each.label} is earlier with {len(earlier)} of {len(held)} seeds")
    leads = {each.label: ratios(each.held(target), held) for each in rivals}
    closest = min((label for label, lead in leads.items() if lead), key=lambda label: _least(leads[label]), default="")
    _seeds_in_common(found, first, others)
    if (lead := leads.get(closest)) and lead.pairs >= ENOUGH:
        reach = f"{times(lead.low)} to {times(lead.high)} times as long"
        found.support.append(f"Paired over {lead.pairs} seeds, {closest} takes {reach} ({_percent()} interval).")
        if not lead.above(1.0):
            found.doubts.append("the interval over seeds includes a tie")
    for each in rivals:
        gaps = [each.gap_before(seed, time) for seed, time in each.held(target).items() if seed in held]
        apart = [time - held[seed] for seed, time in each.held(target).items() if seed in held]
        if apart and 0 <= fmean(apart) < fmean(gaps):
            found.doubts.append(f"{each.label} is less than one evaluation behind")
    if first.samples and target.goal == "accuracy":  # by how much a loss would differ on other samples is not known
        error = ERRORS * sampling_error(target.value, first.samples)
        _shift_target(found, first, contenders, target.value, error)
    return found


def of_accuracy(first: Contender, second: Contender) -> Certainty:
    """Return how sure it is that an algorithm is more accurate than the one that follows.

    Args:
        first: the most accurate one.
        second: the one that follows.
    """
    found = Certainty()
    _count_seeds(found, first)
    samples = first.samples if first.samples == second.samples else None
    lead = differences(first.accuracies, second.accuracies, samples)
    _seeds_in_common(found, first, [second])
    if lead and lead.pairs >= ENOUGH:
        reach = f"{100 * lead.low:.1f} to {100 * lead.high:.1f}"
        found.support.append(
            f"Paired over {lead.pairs} seeds, {first.label} is ahead of {second.label} by {100 * lead.mean:.1f} points "
            f"({_percent()} interval {reach})."
        )
        if not lead.above(0.0):
            found.doubts.append("the interval, which counts seeds and test samples, includes a tie")
    elif lead and samples:
        error = ERRORS * max(sampling_error(each.mean_of(each.accuracies) or 0.0, samples) for each in (first, second))
        if lead.mean <= error:
            found.doubts.append(f"{second.label} is within two standard errors of the test samples")
    return found


def of_loss(first: Contender, second: Contender) -> Certainty:
    """Return how sure it is that an algorithm has a lower loss than the one that follows.

    The error of the test samples is left out: it is not known how much their losses differ.

    Args:
        first: the one with the lowest loss.
        second: the one that follows.
    """
    found = Certainty()
    _count_seeds(found, first, "loss")
    lead = differences(second.losses, first.losses, None)
    _seeds_in_common(found, first, [second])
    if lead and lead.pairs >= ENOUGH:
        found.support.append(
            f"Paired over {lead.pairs} seeds, the loss of {first.label} is {lead.mean:.3g} below that of "
            f"{second.label} ({_percent()} interval {lead.low:.3g} to {lead.high:.3g})."
        )
        if not lead.above(0.0):
            found.doubts.append("the interval over seeds includes a tie")
    return found


def _seeds_in_common(found: Certainty, first: Contender, others: Sequence[Contender]) -> None:
    """Note with whom too few seeds are in common for an interval; one seed alone is noted already."""
    few = [each.label for each in others if len(set(first.seeds) & set(each.seeds)) < ENOUGH]
    if not few or len(first.seeds) == 1:
        return
    if len(first.seeds) < ENOUGH:
        found.doubts.append("two seeds are too few for an interval")
    else:
        found.doubts.append(f"{first.label} and {joined(few)} have fewer than {ENOUGH} seeds in common")


def _least(lead: Interval | None) -> float:
    """Return the lower end of an interval, or the mean where it has none."""
    return inf if lead is None else lead.low if lead.low == lead.low else lead.mean


def _percent() -> str:
    return f"{100 * CONFIDENCE:.0f} %"


def _count_seeds(found: Certainty, first: Contender, of: Goal = "accuracy") -> None:
    """Note how many seeds there are, and how much a single test sample counts for an accuracy."""
    seeds = len(first.seeds)
    samples = f"{first.samples:,.0f} test samples" if first.samples else ""
    if first.samples and of == "accuracy":
        samples += f", each worth {points(1 / first.samples)} points"
    if seeds == 1:
        found.doubts.append(" and ".join(part for part in ("one seed", samples) if part))
    elif samples:
        found.support.append(f"{'Both' if seeds == 2 else f'All {seeds}'} seeds share {samples}.")


def _shift_target(
    found: Certainty, first: Contender, contenders: Sequence[Contender], target: float, error: float
) -> None:
    """Note whether the first would also be the first at targets a little lower and higher."""
    ends = [end for end in (target - error, target + error) if 0 < end < 1]
    firsts = [(end, _first_at(contenders, end)) for end in ends]
    others = [(end, labels) for end, labels in firsts if first.label not in labels]
    if others:
        said = " and ".join(
            f"at {human('fraction', end)} {joined(labels)} would be first"
            if labels
            else f"none holds {human('fraction', end)}"
            for end, labels in others
        )
        found.doubts.append(f"{said} (two standard errors of the test samples away)")
    elif firsts:
        values = " and ".join(human("fraction", end) for end, _ in firsts)
        found.support.append(f"{first.label} is also first at {values}, two standard errors of the test samples away.")


def _first_at(contenders: Sequence[Contender], target: float) -> tuple[str, ...]:
    return Ranking.of({each.label: each.mean_of(each.held(Target(target))) for each in contenders}, LEVEL).first
