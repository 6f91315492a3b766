"""What a round takes while some of its devices take part for the first time, and what later rounds take."""

from __future__ import annotations

from collections import defaultdict
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.experiments.trial.result import TrialResult


def round_costs(outcome: TrialResult) -> dict[str, float | None]:
    """Return the keys of a summary that keep first rounds apart from later ones.

    In a first round a device takes part that has not done so before, and is sent what every device is sent once; the
    first round of all is one. In a later round all devices have taken part before: long runs consist of these. Which
    rounds are which does not depend on the algorithm, where the same devices are selected for all.

    Args:
        outcome: the trial's result.

    Returns:
        ``first_rounds``, their number; ``first_round_s`` and ``later_round_s``, mean seconds; ``first_round_bytes`` and
        ``later_round_bytes``, mean bytes in both directions. A mean is None where there is no such round.
    """
    members: dict[int, set[int]] = defaultdict(set)
    numbers: dict[str, int] = {}
    engagements = outcome.ledger.engagements
    for number, client in zip(engagements.column("round"), engagements.column("client"), strict=True):
        members[number].add(numbers.setdefault(client, len(numbers)))
    sent = outcome.totals.by(lambda kind: kind.round if kind.side == "client" else None)
    seen: set[int] = set()
    first: list[tuple[float, int]] = []
    later: list[tuple[float, int]] = []
    for turn in outcome.ledger.rounds:
        known = turn.round > 1 and members[turn.round] <= seen
        (later if known else first).append((turn.seconds, sent[turn.round].bytes))
        seen |= members[turn.round]
    return {
        "first_rounds": len(first),
        "first_round_s": fmean(seconds for seconds, _ in first) if first else None,
        "later_round_s": fmean(seconds for seconds, _ in later) if later else None,
        "first_round_bytes": fmean(nbytes for _, nbytes in first) if first else None,
        "later_round_bytes": fmean(nbytes for _, nbytes in later) if later else None,
    }
