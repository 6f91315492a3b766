"""What a run says of its losses after its table: updates that were lost, and rounds in which none arrived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from simulator.accounting.waste import UNFINISHED, lost_updates, total
from simulator.settings.wording import loss_sentences

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
    """Yield a sentence on rounds or intervals without any update, and one on lost updates, where there are such.

    Args:
        label: the label of an entry.
        outcomes: the results of its trials, one for each seed; what is said is of all of them together.
    """
    rounds = empty = attempts = 0
    lost: Counter[str] = Counter()
    for outcome in outcomes:
        ledger = outcome.ledger
        rounds += sum(1 + row.empty for row in ledger.rounds)
        empty += sum((not row.updates) + row.empty for row in ledger.rounds)
        attempts += len(ledger.attempts)
        lost += lost_updates(ledger)
    unfinished = lost.pop(UNFINISHED, 0)
    driver = outcomes[0].entry.training.driver.name
    yield from loss_sentences(label, driver, empty, rounds, lost, attempts - unfinished)
