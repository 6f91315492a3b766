"""The verdict of a sweep: who comes first at which points, and with how many of their seeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from analysis.headline import HELD, LOSS, SAMPLES, accuracy_of
from analysis.settled import points as in_points
from analysis.sweeps import DONE, Sweep
from analysis.tasks import NEXT_TOKEN
from analysis.verdict.base import Verdict
from analysis.verdict.by_accuracy import LEVEL as EQUAL
from analysis.verdict.by_cost import TIME
from analysis.verdict.certainty import ENOUGH
from analysis.verdict.chance import differences, ratios
from analysis.verdict.of_points import MOST_NAMED, left_out, named_points
from analysis.verdict.ranking import Ranking, does


class Rule(NamedTuple):
    """What decides who is first.

    Attributes:
        column: a column of the summary.
        verb, verbs: what the first label does, in the singular and the plural.
        sign: 1 if less is better, else -1.
    """

    column: str
    verb: str
    verbs: str
    sign: int = 1

    @property
    def learned(self) -> bool:
        """Whether it is an accuracy or a loss, whose differences count, and not a cost, whose ratios do."""
        return self.column == LOSS or self.sign < 0


class Place(NamedTuple):
    """Who is first at a point.

    Attributes:
        point: its number.
        rule: what decided.
        first: the labels, several if they are level.
        seeds: how many seeds all labels have in common.
        agree: with how many of them the same label is first, or among the first.
        sure: whether there is one first label, and the 95 % interval of its lead, paired over seeds, excludes a tie.
    """

    point: int
    rule: Rule
    first: tuple[str, ...]
    seeds: int
    agree: int
    sure: bool


def verdict_of_sweep(sweep: Sweep) -> Verdict:
    """Return the verdict of a sweep.

    At each point, who holds the target first comes first; where none holds it with all seeds, the most accurate, or of
    language models the one with the lowest loss; in a dry sweep, who takes the least time.
    """
    places = list(_places(sweep))
    if len(sweep.labels) < 2 or not places:
        return Verdict(("At no point were two algorithms compared.", *left_out(sweep)))
    of = int(sweep.summary["point"].nunique())
    groups: dict[tuple[Rule, tuple[str, ...]], list[Place]] = defaultdict(list)
    for place in places:
        groups[place.rule, tuple(label for label in sweep.labels if label in place.first)].append(place)
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    answer = [_said(sweep, rule, first, own, of) for (rule, first), own in ordered[:MOST_NAMED]]
    if rest := sum(len(own) for _, own in ordered[MOST_NAMED:]):
        answer.append(f"At {rest:,} more points it is others.")
    if lacking := of - len(places):
        answer.append(f"At {lacking:,} point{'s' if lacking > 1 else ''} no two algorithms have a seed in common.")
    if sweep.dry:
        answer.append("These were dry runs: how much each algorithm learns is not known.")
    answer += left_out(sweep)
    winners = {first for _, first in groups}
    return Verdict(
        tuple(answer),
        certainty=tuple(_certainty(sweep, places)),
        first=winners.pop() if len(winners) == 1 else (),
        decided=None if sweep.dry else all(place.sure for place in places),
    )


def _rules(sweep: Sweep) -> Sequence[Rule]:
    """Return what decides, the first that applies at a point."""
    if sweep.limited == "seconds" and sweep.dry:  # all take as long as the budget
        return (Rule("energy_per_update_j", "takes the least energy for each update", "are level in energy"),)
    if sweep.dry:
        return (Rule(TIME, "takes the least time", "are level in time"),)
    return (
        Rule(HELD, "is the first to hold the target", "are level in holding the target first"),
        Rule(LOSS, "has the lowest loss", "have the lowest loss")
        if sweep.task == NEXT_TOKEN
        else Rule(accuracy_of(sweep.summary), "is the most accurate", "are the most accurate", -1),
    )


def _places(sweep: Sweep) -> Iterator[Place]:
    done = sweep.summary[sweep.summary["status"] == DONE]
    for point, rows in done.groupby("point", sort=False):
        for rule in (rule for rule in _rules(sweep) if rule.column in rows):
            table = rows.pivot_table(index="seed", columns="label", values=rule.column, sort=False, dropna=False)
            known = table.loc[:, table.notna().all()] if rule.column == HELD else table.dropna(axis=1, how="all")
            known = known.dropna()
            if known.empty or (known.shape[1] < 2 and rule.column != HELD) or rows["label"].nunique() < 2:
                continue
            costs = rule.sign * known.astype("float64")
            first = _first(rule, costs.mean())
            agree = sum(bool(set(_first(rule, row)) & set(first)) for _, row in costs.iterrows())
            yield Place(int(str(point)), rule, first, len(costs), agree, _sure(sweep, rule, known, first))
            break


def _sure(sweep: Sweep, rule: Rule, known: pd.DataFrame, first: tuple[str, ...]) -> bool:
    """Return whether the first label's lead over every other one is beyond chance."""
    if len(first) > 1 or len(known) < ENOUGH:
        return False
    own = {int(str(seed)): float(value) for seed, value in known[first[0]].items()}
    counts = set(sweep.summary[SAMPLES].dropna()) if SAMPLES in sweep.summary else set()
    samples = counts.pop() if len(counts) == 1 else None
    for label in known.columns.drop(first[0]):
        other = {int(str(seed)): float(value) for seed, value in known[label].items()}
        if not rule.learned:
            lead, bound = ratios(other, own), 1.0
        elif rule.sign > 0:
            lead, bound = differences(other, own, None), 0.0
        else:
            lead, bound = differences(own, other, samples), 0.0
        if lead is None or not lead.above(bound):
            return False
    return True


def _first(rule: Rule, costs: pd.Series) -> tuple[str, ...]:
    """Return the labels with the least cost, and those that are level with it."""
    known: Mapping[str, float] = {str(label): float(cost) for label, cost in costs.dropna().items()}
    if not rule.learned:
        return Ranking.of(known).first
    best = min(known.values(), default=0.0)
    return tuple(label for label, cost in known.items() if cost <= best + EQUAL)


def _said(sweep: Sweep, rule: Rule, first: tuple[str, ...], places: Sequence[Place], of: int) -> str:
    """Return a sentence on who is first at some points, which are named where they are few."""
    what = does(first, rule.verb, rule.verbs)
    if len(places) == of:
        return f"{what} at all {of:,} points." if of > 1 else f"{what}."
    named = named_points(sweep, [place.point for place in places])
    return f"{what} at {len(places):,} of {of:,} points{f' ({named})' if named else ''}."


def _certainty(sweep: Sweep, places: Sequence[Place]) -> Iterator[str]:
    """Yield sentences on how many seeds agree, and on the test samples."""
    seeds = {place.seeds for place in places}
    number = f"{min(seeds)} to {max(seeds)}" if len(seeds) > 1 else str(max(seeds))
    if max(seeds) > 1:
        same, sure = (sum(found) for found in zip(*((p.agree == p.seeds, p.sure) for p in places), strict=True))
        decided = "" if sweep.dry else f", and {sure:,} {'is' if sure == 1 else 'are'} decided (95 % intervals)"
        agree = "all have one of these first" if any(len(p.first) > 1 for p in places) else "all agree on who is first"
        yield f"With {number} seeds a point, {agree} at {same:,} of {len(places):,} points{decided}."
    elif not sweep.dry:
        yield "Not decided: one seed a point."
    samples = set(sweep.summary[SAMPLES].dropna()) if SAMPLES in sweep.summary and not sweep.dry else set()
    if len(samples) == 1 and (count := samples.pop()) and sweep.task != NEXT_TOKEN:
        yield f"Accuracies are on {count:,.0f} test samples, each worth {in_points(1 / count)} points."
