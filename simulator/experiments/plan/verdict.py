"""The verdict of a plan: whose round is shortest and who sends least, each algorithm at its fastest cut that fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from analysis.verdict import Verdict
from analysis.verdict.ranking import LEVEL, Ranking, does, joined, times
from simulator.experiments.plan.cuts import PlannedCut
from simulator.settings.humanize import Kind, human

NOT_KNOWN = "A plan trains nothing: which algorithm needs the fewest rounds is not known."


def verdict_of_plan(points: Sequence[PlannedCut]) -> Verdict:
    """Return the verdict of a plan: a round of each algorithm at its fastest cut that fits.

    Args:
        points: every planned cut, as ``cuts.points`` returns them.
    """
    best = fastest_cuts(points)
    left_out = [label for label in dict.fromkeys(point.label for point in points) if label not in best]
    lacking = (f"{does(left_out, 'does not fit', 'do not fit')} into memory at any cut.",) if left_out else ()
    if not best:
        return Verdict(lacking)
    names = {label: _named(point, points) for label, point in best.items()}
    ranking = Ranking.of({names[label]: point.round.seconds for label, point in best.items()})
    labels = {name: label for label, name in names.items()}
    return Verdict(
        answer=(_shortest(ranking), *lacking, NOT_KNOWN),
        cost=tuple(_least(best, names)) if len(best) > 1 else (),
        change=tuple(_first_round(best, names)),
        first=tuple(labels[name] for name in ranking.first),
    )


def fastest_cuts(points: Sequence[PlannedCut]) -> dict[str, PlannedCut]:
    """Return the fastest cut of each algorithm that fits, by label; those that fit at no cut are left out."""
    best: dict[str, PlannedCut] = {}
    for point in points:
        if point.fits and (point.label not in best or point.round.seconds < best[point.label].round.seconds):
            best[point.label] = point
    return best


def _named(point: PlannedCut, points: Sequence[PlannedCut]) -> str:
    """Return the label of a planned cut, with the cut where the algorithm has several."""
    own = [other for other in points if other.label == point.label]
    if len(own) == 1 or point.head is None:
        return point.label
    tail = f" and tail {point.tail}" if len({other.tail for other in own}) > 1 else ""
    return f"{point.label} with head {point.head}{tail}"


def _shortest(ranking: Ranking) -> str:
    """Return a sentence on whose round is shortest, and by how much."""
    seconds = human("seconds", ranking.costs[ranking.first[0]])
    if len(ranking.costs) == 1:
        return f"A round of {ranking.first[0]} takes {seconds}; there is nothing to compare it with."
    if len(ranking.first) > 1:
        text = f"Rounds of {joined(ranking.first)} are level, with {seconds}"
    else:
        text = f"{ranking.first[0]} has the shortest round, {seconds}"
    if ranking.second is None or ranking.lead is None:
        return f"{text}."
    other = human("seconds", ranking.costs[ranking.second])
    return f"{text}; a round of {ranking.second} takes {times(ranking.lead)} times as long ({other})."


def _least(best: Mapping[str, PlannedCut], names: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence on who has the least of each other cost of a round."""
    costs: tuple[tuple[str, Kind, dict[str, float]], ...] = (
        ("the least traffic", "bytes", {label: float(point.round.bytes) for label, point in best.items()}),
        (
            "the least energy on the devices",
            "joules",
            {label: point.round.client_energy_j for label, point in best.items()},
        ),
    )
    clauses: dict[tuple[str, ...], list[str]] = {}
    for what, kind, values in costs:
        ranking = Ranking.of({names[label]: value for label, value in values.items()})
        if len(ranking.first) < len(best):
            clauses.setdefault(ranking.first, []).append(f"{what} ({human(kind, ranking.costs[ranking.first[0]])})")
    if clauses:
        said = [f"{does(first, 'takes', 'take')} {joined(parts)}" for first, parts in clauses.items()]
        yield f"For a round, {'; '.join(said)}."


def _first_round(best: Mapping[str, PlannedCut], names: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence on first rounds, in which frozen weights are sent, if that makes any of them longer."""
    if not any(point.first_seconds > (1 + LEVEL) * point.round.seconds for point in best.values()):
        return
    ranking = Ranking.of({names[label]: point.first_seconds for label, point in best.items()})
    figures = ", ".join(f"{name} {human('seconds', seconds)}" for name, seconds in ranking.costs.items())
    text = f"A first round, in which frozen weights are sent, takes {figures}"
    yield f"{text}: there {joined(ranking.first)} {'is' if len(ranking.first) == 1 else 'are'} shortest."
