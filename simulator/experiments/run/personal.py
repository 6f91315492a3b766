"""Personal accuracies, each of a device with its own model on its own mix of classes, in the files of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulator.experiments.trial.result import TrialResult
    from simulator.learning.evaluation import Score

PERSONAL = (
    *("personal_accuracy", "personal_accuracy_worst_decile"),
    *("personal_accuracy_participants", "personal_accuracy_participants_worst_decile"),
)
"""The columns of the personal accuracies, in the order in which a ``Score`` has them."""


def participants(outcome: TrialResult) -> dict[str, Any]:
    """Return the further keys of a trial in ``summary.json``: the last personal accuracies of those that took part.

    With them goes ``personal_models``, the number of distinct models that the evaluated devices use: one where they
    share a model, and nothing is personal but the mix of classes on which it is evaluated.
    """
    final = next((point.score for point in reversed(outcome.rounds) if point.score), None)
    accuracies = dict(zip(PERSONAL[2:], personal(final)[2:], strict=True))
    return accuracies | {"personal_models": final.personal_models if final else None}


def personal(score: Score | None) -> tuple[float | None, ...]:
    """Return the personal accuracies of a score, in the order of ``PERSONAL``; None for all where there is no score."""
    if score is None:
        return (None,) * len(PERSONAL)
    return score.personal, score.personal_worst, score.participants, score.participants_worst
