"""What a run says of its losses after its table: updates that were lost, and rounds in which none arrived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from simulator.accounting.waste import UNFINISHED, lost_updates, total
from simulator.settings.wording import loss_sentences

if TYPE_CHECKING:
    from simulator.experiments.trial.result import TrialResult


def wasted_share(outcome: TrialResult) -> float:
    """Return the share of the time for which the devices were busy in which they were busy in vain."""
    busy = outcome.totals.idle_s - outcome.totals.wait_s  # idle power is drawn all the time, waiting or busy
    return total(outcome.waste.values()).device_seconds / busy if busy > 0 else 0.0


@dataclass(frozen=True)
class Losses:
    """The rounds and the attempts of a trial that came to nothing.

    Attributes:
        driver: the name of the driver.
        rounds: rounds, or intervals, in all.
        empty: those without any update.
        attempts: attempts of clients in all.
        lost: lost updates by reason.
    """

    driver: str
    rounds: int
    empty: int
    attempts: int
    lost: Mapping[str, int]

    @classmethod
    def of(cls, outcome: TrialResult) -> Self:
        """Return those of a result."""
        ledger = outcome.ledger
        return cls(
            outcome.entry.training.driver.name,
            sum(1 + row.empty for row in ledger.rounds),
            sum((not row.updates) + row.empty for row in ledger.rounds),
            len(ledger.attempts),
            dict(lost_updates(ledger)),
        )


def losses(label: str, trials: Sequence[Losses]) -> Iterator[str]:
    """Yield a sentence on rounds or intervals without any update, and one on lost updates, where there are such.

    Args:
        label: the label of an entry.
        trials: the losses of its trials, one for each seed; what is said is of all of them together.
    """
    lost: Counter[str] = Counter()
    for trial in trials:
        lost.update(trial.lost)
    unfinished = lost.pop(UNFINISHED, 0)
    empty, rounds, attempts = (sum(getattr(one, name) for one in trials) for name in ("empty", "rounds", "attempts"))
    yield from loss_sentences(label, trials[0].driver, empty, rounds, lost, attempts - unfinished)
