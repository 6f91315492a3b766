"""What a run says of its losses after its table: updates that were lost, and intervals in which none arrived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from simulator.accounting.waste import UNFINISHED, lost_updates, total

if TYPE_CHECKING:
    from simulator.experiments.trial.result import TrialResult


def wasted_share(outcome: TrialResult) -> float:
    """Return the share of the time for which the devices were busy in which they were busy in vain."""
    by_activity: Counter[str] = Counter()
    for use in outcome.uses:
        if use.side == "client" and use.activity in ("idle", "wait"):
            by_activity[use.activity] += use.seconds  # type: ignore[assignment]
    busy = by_activity["idle"] - by_activity["wait"]  # idle power is drawn all the time, waiting or busy
    return total(outcome.waste.values()).device_seconds / busy if busy > 0 else 0.0


def losses(label: str, outcomes: Sequence[TrialResult]) -> Iterator[str]:
    """Yield a sentence on updates that were lost, and one on intervals without any, where there are such.

    Args:
        label: the label of an entry.
        outcomes: the results of its trials, one for each seed; what is said is of all of them together.
    """
    intervals = empty = attempts = 0
    lost: Counter[str] = Counter()
    for outcome in outcomes:
        ledger = outcome.ledger
        intervals += sum(1 + row.empty for row in ledger.rounds)
        empty += sum((not row.updates) + row.empty for row in ledger.rounds)
        attempts += len(ledger.attempts)
        lost += lost_updates(ledger)
    unfinished = lost.pop(UNFINISHED, 0)
    if empty:
        yield f"{label}: in {empty} of {intervals} intervals no update arrived."
    if lost:
        reasons = ", ".join(f"{reason} {count}" for reason, count in lost.most_common())
        yield f"{label}: {lost.total()} of {attempts - unfinished} updates were lost ({reasons})."
