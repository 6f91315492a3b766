"""The verdict of a dry run: who takes least time, traffic and energy for what the scenario asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from analysis.measures import costs_asked, present, uneven
from analysis.quantities import kind_of
from analysis.runs import Run
from analysis.server import OwnLabels
from analysis.verdict.base import Verdict
from analysis.verdict.change import what_would_change
from analysis.verdict.contender import Contender
from analysis.verdict.ranking import Ranking, does, joined, times
from simulator.settings.humanize import human

TIME = "sim_time_s"
NAMES = {
    TIME: "least time",
    "bytes": "least traffic",
    "client_energy_j": "least energy on the devices",
    "energy_per_update_j": "least energy per update on the devices",
    "cost_usd": "least money",
    "carbon_kg": "least carbon",
}
"""The costs that are compared, as the object of "takes"."""


def by_cost(run: Run, own_labels: OwnLabels, contenders: Sequence[Contender]) -> Verdict:
    """Return who takes the least time, and what else is least; arguments are those of `verdict_of_run`."""
    per_update = uneven(run.summary)
    by_seed = {} if run.limited == "seconds" else {each.label: _seconds(each, per_update) for each in contenders}
    seconds = _means(contenders, by_seed)
    ranking = Ranking.of(seconds)
    single = len(contenders) == 1
    if not seconds:
        answer = ["All take as long as the budget allows." if run.limited == "seconds" else "No time is known."]
    elif single:
        answer = [f"{ranking.first[0]} takes {human('seconds', seconds[ranking.first[0]])}; nothing else was run."]
    else:
        answer = list(_fastest(run, ranking, per_update))
    return Verdict(
        answer=(*answer, "This was a dry run: how much each algorithm learns is not known."),
        cost=() if single else tuple(cheapest(run, contenders, without=TIME if seconds else None)),
        certainty=() if single else tuple(_spread(by_seed, ranking)),
        change=tuple(what_would_change(own_labels, contenders, seconds)),
        first=ranking.first,
    )


def seconds_of(run: Run, contenders: Sequence[Contender]) -> dict[str, float]:
    """Return the simulated seconds of each algorithm, the mean over seeds; nothing where all take the same budget."""
    if run.limited == "seconds":
        return {}
    return _means(contenders, {each.label: _seconds(each, per_update=False) for each in contenders})


def _seconds(contender: Contender, per_update: bool) -> dict[int, float]:
    """Return simulated seconds by seed: of all, or for each update that was aggregated."""
    seconds = contender.by_seed(TIME)
    if not per_update:
        return seconds
    updates = contender.by_seed("updates")
    return {seed: time / updates[seed] for seed, time in seconds.items() if updates.get(seed)}


def _means(contenders: Sequence[Contender], by_seed: Mapping[str, Mapping[int, float]]) -> dict[str, float]:
    """Return the mean over seeds by label, without labels that lack a seed."""
    means = {each.label: each.mean_of(by_seed.get(each.label, {})) for each in contenders}
    return {label: mean for label, mean in means.items() if mean is not None}


def cheapest(run: Run, contenders: Sequence[Contender], without: str | None = None) -> Iterator[str]:
    """Yield a sentence on who takes least of each cost.

    Args:
        run: the run.
        contenders: its algorithms.
        without: a cost that is left out, a column of the summary.
    """
    least: dict[tuple[str, ...], list[str]] = {}
    asked = [column for _, column in costs_asked(run.limited)]
    if uneven(run.summary):  # less is spent where less is aggregated
        asked = ["energy_per_update_j"]
    for column in asked:
        if column == without or not present(run.summary, column):
            continue
        costs = {each.label: _total(each, column) for each in contenders}
        ranking = Ranking.of(costs)
        if ranking.costs and len(ranking.first) < len(contenders):
            amount = human(kind_of(column), ranking.costs[ranking.first[0]])
            least.setdefault(ranking.first, []).append(f"the {NAMES[column]} ({amount})")
    clauses = [f"{does(labels, 'takes', 'take')} {joined(costs)}" for labels, costs in least.items()]
    if clauses:
        yield f"{'; '.join(clauses)}."


def _total(contender: Contender, column: str) -> float | None:
    if column != "bytes":
        return contender.mean(column)
    up, down = contender.mean("bytes_up"), contender.mean("bytes_down")
    return None if up is None or down is None else up + down


def _fastest(run: Run, ranking: Ranking, per_update: bool) -> Iterator[str]:
    times_first = list(dict.fromkeys(human("seconds", ranking.costs[label]) for label in ranking.first))
    rounds = set(run.summary["rounds"])
    until = f" for {rounds.pop():,.0f} rounds" if len(rounds) == 1 and not run.limited else ""
    until = " for each update" if per_update else until
    if len(ranking.first) > 1:
        text = f"{joined(ranking.first)} are level: they take {joined(times_first)}{until}"
    else:
        text = f"{ranking.first[0]} takes the least time{until}, {times_first[0]}"
    if ranking.second is not None and ranking.lead is not None:
        second = human("seconds", ranking.costs[ranking.second])
        text += f"; {ranking.second} takes {times(ranking.lead)} times as long ({second})"
    yield f"{text}."


def _spread(by_seed: Mapping[str, Mapping[int, float]], ranking: Ranking) -> Iterator[str]:
    """Yield a sentence on how many seeds agree with the mean.

    Args:
        by_seed: by label and seed, what was compared.
        ranking: the means of it.
    """
    seeds = set.intersection(*(set(seconds) for seconds in by_seed.values())) if by_seed else set()
    if len(seeds) < 2 or len(ranking.first) != 1:
        return
    first = ranking.first[0]
    won = sum(first in Ranking.of({label: own[seed] for label, own in by_seed.items()}).first for seed in seeds)
    yield f"{first} is first with {won} of {len(seeds)} seeds, which differ in shards and cohorts."
