"""The verdict where at least one algorithm holds the target with every seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis.goal import Target
from analysis.runs import Run
from analysis.server import OwnLabels
from analysis.verdict.base import Verdict
from analysis.verdict.certainty import of_race
from analysis.verdict.change import what_would_change
from analysis.verdict.contender import Contender
from analysis.verdict.ranking import Ranking, does, joined, times
from simulator.settings.humanize import Kind, human

SPENT: tuple[tuple[str, Kind, str], ...] = (
    ("bytes", "bytes", "of traffic"),
    ("joules", "joules", "on the devices"),
    ("usd", "usd", ""),
)
"""What is told of the way to the target: a key of `SPENDING`, its kind, and the words after the amount."""
MOST_COSTS = 2
"""The costs of so many algorithms are told, the first ones."""


def by_target(run: Run, own_labels: OwnLabels, contenders: Sequence[Contender], target: Target) -> Verdict:
    """Return who holds the target first; arguments are those of `verdict_of_run`."""
    held = {each.label: each.held(target) for each in contenders}
    ranking = Ranking.of({each.label: each.mean_of(held[each.label]) for each in contenders})
    by_label = {each.label: each for each in contenders}
    first = by_label[ranking.first[0]]
    goal = target.said
    if len(contenders) == 1:
        time = human("seconds", ranking.costs[first.label])
        answer = [f"{first.label} holds {goal} after {time}; nothing else was run."]
    else:
        answer = [f"{_lead(ranking, goal)}{_others(contenders, held, ranking)}."]
    certainty = of_race(first, contenders, target)
    if len(ranking.first) > 1:
        certainty.doubts.append(f"{joined(ranking.first)} are level")
    return Verdict(
        answer=tuple(answer),
        cost=tuple(_costs([by_label[label] for label in list(ranking.costs)[:MOST_COSTS]], held)),
        certainty=tuple(certainty.sentences) if len(contenders) > 1 else (),
        change=tuple(what_would_change(own_labels, contenders, ranking.costs)),
        first=ranking.first,
        decided=certainty.decided if len(contenders) > 1 else None,
    )


def _lead(ranking: Ranking, goal: str) -> str:
    """Return who is first, when, and how far ahead of the second."""
    times_first = [human("seconds", ranking.costs[label]) for label in ranking.first]
    if len(ranking.first) > 1:
        when = times_first[:1] if len(set(times_first)) == 1 else times_first
        text = f"{joined(ranking.first)} are level: they hold {goal} after {joined(when)}"
    else:
        text = f"{ranking.first[0]} is the first to hold {goal}, after {times_first[0]}"
    if ranking.second is None:
        return text
    second = human("seconds", ranking.costs[ranking.second])
    if ranking.lead is None:  # the first holds it before training
        return f"{text}; {ranking.second} does after {second}"
    return f"{text}; {ranking.second} takes {times(ranking.lead)} times as long ({second})"


def _others(contenders: Sequence[Contender], held: dict[str, dict[int, float]], ranking: Ranking) -> str:
    """Return who does not hold the target at all, or not with all seeds."""
    never = [each.label for each in contenders if each.accuracies and not held[each.label]]
    text = f"; {does(never, 'does', 'do')} not hold it" if never else ""
    for each in contenders:
        if each.label not in ranking.costs and held[each.label]:
            text += f"; {each.label} holds it with {len(held[each.label])} of {len(each.seeds)} seeds"
    return text


def _costs(shown: Sequence[Contender], held: dict[str, dict[int, float]]) -> Iterator[str]:
    """Yield a sentence on what it takes some algorithms to hold the target."""
    clauses: list[str] = []
    for each in shown:
        spent = [(each.spent(name, held[each.label]), kind, words) for name, kind, words in SPENT]
        known = [f"{human(kind, amount)} {words}".strip() for amount, kind, words in spent if amount]
        if any(amount is not None for amount, _, _ in spent):
            clauses.append(f"{each.label}{'' if clauses else ' takes'} {joined(known) if known else 'nothing'}")
    if clauses:
        yield f"To get there, {', '.join(clauses)}."
