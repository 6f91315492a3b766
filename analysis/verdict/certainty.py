"""Whether a lead is decided, given the seeds and the size of the test set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from analysis.settled import points, sampling_error
from analysis.verdict.chance import CONFIDENCE, differences, ratios
from analysis.verdict.contender import Contender
from analysis.verdict.ranking import LEVEL, Ranking, joined, times
from simulator.settings.humanize import human

ERRORS = 2.0
"""By how many standard errors of the test samples the target is shifted to see whether the order stays."""


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


def of_race(first: Contender, second: Contender | None, contenders: Sequence[Contender], target: float) -> Certainty:
    """Return how sure it is that an algorithm holds a target before all others.

    Args:
        first: the one that does.
        second: the one that follows; None if no other holds it with all seeds.
        contenders: all algorithms.
        target: the target accuracy, a fraction.
    """
    found = Certainty()
    _count_seeds(found, first)
    lead = ratios(second.held(target), first.held(target)) if second else None
    if second and lead and lead.low == lead.low:
        reach = f"{times(lead.low)} to {times(lead.high)} times as long ({CONFIDENCE:.0%} interval)".replace("%", " %")
        found.support.append(f"Paired over {len(first.seeds)} seeds, {second.label} takes {reach}.")
        if not lead.above(1.0):
            found.doubts.append("the interval over seeds includes a tie")
    if first.samples:
        _shift_target(found, first, contenders, target, ERRORS * sampling_error(target, first.samples))
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
    if lead and lead.low == lead.low:
        found.support.append(
            f"Paired over {len(first.seeds)} seeds, it is ahead of {second.label} by {100 * lead.mean:.1f} points "
            f"({CONFIDENCE:.0%} interval {100 * lead.low:.1f} to {100 * lead.high:.1f}).".replace("%", " %")
        )
        if not lead.above(0.0):
            found.doubts.append("the interval, which counts seeds and test samples, includes a tie")
    elif lead and samples:
        error = ERRORS * max(sampling_error(each.mean_of(each.accuracies) or 0.0, samples) for each in (first, second))
        if lead.mean <= error:
            found.doubts.append(f"{second.label} is within two standard errors of the test samples")
    return found


def _count_seeds(found: Certainty, first: Contender) -> None:
    """Note how many seeds there are, and how much a single test sample counts."""
    seeds = len(first.seeds)
    samples = (
        f"{first.samples:,.0f} test samples, each worth {points(1 / first.samples)} points" if first.samples else ""
    )
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
    return Ranking.of({each.label: each.mean_of(each.held(target)) for each in contenders}, LEVEL).first
