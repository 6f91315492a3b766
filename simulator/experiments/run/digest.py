"""What a run says of a trial once its result is on the disk: a few figures, small enough to be sent and kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import TYPE_CHECKING, Any, Self

from simulator.experiments.run.losses import Losses, wasted_share

if TYPE_CHECKING:
    from simulator.experiments.run.tables import Summary
    from simulator.experiments.trial.result import TrialResult


@dataclass(frozen=True)
class Digest:
    """What is shown and told of a trial, without its ledger.

    Attributes:
        summary: the keys of ``summary.json``.
        wasted_share: the share of the devices' busy time that was in vain.
        evaluations: how often it was evaluated after training began.
        losses: the rounds and the attempts that came to nothing.
        diverged: whether its last loss is not a number.
        standstill: who waited for what when nothing more could happen before the time was up; else empty.
    """

    summary: Summary
    wasted_share: float
    evaluations: int
    losses: Losses
    diverged: bool = False
    standstill: str = ""

    @classmethod
    def of(cls, outcome: TrialResult, summary: Summary) -> Self:
        """Return the digest of a result.

        Args:
            outcome: the result.
            summary: its summary.
        """
        last = outcome.rounds[-1].score
        evaluations = sum(point.score is not None and point.round > 0 for point in outcome.rounds)
        diverged = last is not None and not isfinite(last.loss)
        return cls(summary, wasted_share(outcome), evaluations, Losses.of(outcome), diverged, outcome.standstill)

    def plain(self) -> dict[str, Any]:
        """Return it as plain data, which ``read`` takes."""
        return {field.name: getattr(self, field.name) for field in fields(self)} | {"losses": asdict(self.losses)}

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """Return a digest from plain data.

        Raises:
            KeyError, TypeError: it is no digest.
        """
        losses = Losses(**{**data["losses"], "lost": Counter(data["losses"]["lost"])})
        return cls(**{**data, "losses": losses})
