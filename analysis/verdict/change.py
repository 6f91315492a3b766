"""What would change a verdict: the bottleneck, faster or slower links, devices and server, and longer runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from math import log

from analysis.server import OwnLabels
from analysis.verdict.bottleneck import OTHERS, REACH, SIDES, flips, path_shares
from analysis.verdict.contender import Contender
from analysis.verdict.ranking import Ranking, does, joined
from simulator.settings.humanize import human

NAMES = SIDES | OTHERS
LATER = "later_round_s"
"""The mean seconds of rounds whose devices have all taken part before, a column of the summary."""


def what_would_change(
    own_labels: OwnLabels, contenders: Sequence[Contender], seconds: Mapping[str, float]
) -> Iterator[str]:
    """Yield sentences on what would change who is fastest.

    Args:
        own_labels: by label, the run that it is from and its label there.
        contenders: the algorithms.
        seconds: by label, the seconds that were compared; without those that have none.
    """
    ranking = Ranking.of(seconds)
    shares = path_shares(own_labels)
    yield from _bottlenecks(ranking, shares)
    if len(ranking.costs) > 1:
        yield from _speeds(ranking, shares)
        yield from _later(ranking, contenders)


def _bottlenecks(ranking: Ranking, shares: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Yield a sentence on where the rounds of the first label, and of the next one, spend their time."""
    ahead = [label for label in list(ranking.costs)[:2] if label in shares]
    clauses: list[str] = []
    for label in ahead:
        parts = sorted(shares[label].items(), key=lambda part: -part[1])
        named = [
            f"{share:.0%} on {(SIDES | OTHERS).get(side, side)}".replace("%", " %")
            for side, share in parts
            if share >= 0.01
        ]
        clauses.append(f"{'one of' if clauses else 'A round of'} {label} spends {joined(named)}")
    if clauses:
        yield f"{'; '.join(clauses)} (critical path)."


def _speeds(ranking: Ranking, shares: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Yield a sentence on the smallest change of one side's speed that puts another label level with the first."""
    known = [label for label in ranking.costs if label in shares]
    if len(known) < 2 or len(ranking.first) > 1 or known[0] != ranking.first[0]:
        return
    first = known[0]
    # Half as fast here is twice as fast there; of two such, what is faster reads better.
    found = sorted(
        flips(ranking.costs, shares, first), key=lambda flip: (round(abs(log(flip.factor)), 9), -flip.factor)
    )
    if found:
        yield f"{found[0].label} would be as fast as {first} with {found[0].said} (estimated from the critical paths)."
    else:
        yield (
            f"With links, devices or the server alone up to {REACH:.0f} times as fast or as slow, "
            f"{first} would still be fastest (estimated from the critical paths)."
        )


def alike(contenders: Collection[Contender]) -> bool:
    """Return whether all trials have as many rounds and aggregate as many updates, so that their rounds compare."""
    columns = ("rounds", "updates")
    counts = {column: {tuple(each.by_seed(column).items()) for each in contenders} for column in columns}
    return all(len(found) < 2 for found in counts.values())


def _later(ranking: Ranking, contenders: Sequence[Contender]) -> Iterator[str]:
    """Yield a sentence on long runs, where what is sent once no longer counts, if anything is sent once."""
    compared = {each.label: each for each in contenders if each.label in ranking.costs}
    if not any(each.mean("bytes_provisioning") for each in compared.values()):
        return
    if not alike(compared.values()):  # their rounds are not the same thing
        return
    later = Ranking.of({label: each.mean(LATER) for label, each in compared.items()})
    if len(later.costs) < len(compared):
        yield (
            "These times include what each device is sent once, and not every trial had a round whose devices had all "
            "taken part before, so a longer run may rank them differently."
        )
        return
    figures = ", ".join(f"{label} {human('seconds', cost)}" for label, cost in later.costs.items())
    yield (
        f"A later round, with nothing left to send once, takes {figures}: "
        f"round for round, {does(later.first, 'is', 'are')} fastest in a long run."
    )
