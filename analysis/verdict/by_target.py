"""The verdict where at least one algorithm holds the target accuracy with every seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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


def by_target(run: Run, own_labels: OwnLabels, contenders: Sequence[Contender], target: float) -> Verdict:
    """Return who holds the target first; arguments are those of `verdict_of_run`."""
    held = {each.label: each.held(target) for each in contenders}
    ranking = Ranking.of({each.label: each.mean_of(held[each.label]) for each in contenders})
    by_label = {each.label: each for each in contenders}
    first, second = by_label[ranking.first[0]], by_label.get(ranking.second or "")
    goal = human("fraction", target)
    if len(contenders) == 1:
        time = human("seconds", ranking.costs[first.label])
        answer = [f"{first.label} holds {goal} after {time}; nothing else was run."]
    else:
        answer = [f"{_lead(ranking, goal)}{_others(contenders, held, ranking)}."]
    certainty = of_race(first, second, contenders, target)
    if len(ranking.first) > 1:
        certainty.doubts.append(f"{joined(ranking.first)} are level")
    return Verdict(
        answer=tuple(answer),
        cost=tuple(_costs(first, second, held)),
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
    if ranking.second is None or ranking.lead is None:
        return text
    second = human("seconds", ranking.costs[ranking.second])
    return f"{text}; {ranking.second} takes {times(ranking.lead)} times as long ({second})"


def _others(contenders: Sequence[Contender], held: dict[str, dict[int, float]], ranking: Ranking) -> str:
    """Return who does not hold the target at all, or not with all seeds."""
    never = [each.label for each in contenders if not held[each.label]]
    text = f"; {does(never, 'does', 'do')} not hold it" if never else ""
    for each in contenders:
        if each.label not in ranking.costs and held[each.label]:
            text += f"; {each.label} holds it with {len(held[each.label])} of {len(each.seeds)} seeds"
    return text


def _costs(first: Contender, second: Contender | None, held: dict[str, dict[int, float]]) -> Iterator[str]:
    """Yield a sentence on what it takes to hold the target."""
    clauses: list[str] = []
    for each in (first, second) if second else (first,):
        until = held[each.label]
        spent = [
            (human(kind, each.spent(name, until)), words) for name, kind, words in SPENT if each.spent(name, until)
        ]
        amounts = joined([f"{amount} {words}".strip() for amount, words in spent])
        if spent:
            clauses.append(f"{each.label}{'' if clauses else ' takes'} {amounts}")
    if clauses:
        yield f"To get there, {', '.join(clauses)}."
