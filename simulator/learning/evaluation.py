"""Scores of models: on all test samples, and on each client's own mix of classes."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

Mix = np.ndarray
"""The number of samples of each class that a client has, [C]."""


class Answers(NamedTuple):
    """The answers of one model to the test samples, counted by class.

    Where tokens are predicted, a sample is one of them, and its class is that of the text.

    Attributes:
        right: how many test samples of each class it predicted correctly, int64 [C].
        samples: how many test samples of each class there are, int64 [C].
        loss: the sum of its cross-entropies over all test samples.
    """

    right: Tensor
    samples: Tensor
    loss: float

    def accuracy_by_class(self) -> np.ndarray:
        """Return the accuracy on each class, [C], in [0, 1]; NaN for a class without test samples."""
        right, samples = (counts.cpu().numpy() for counts in (self.right, self.samples))
        return np.divide(right, samples, out=np.full(len(samples), np.nan), where=samples > 0)

    def accuracy_for(self, mix: Mix) -> float | None:
        """Accuracy on test samples in this mix of classes: the mean of the accuracies by class, by shares of the mix.

        That is what infinitely many test samples, drawn from these by class in these shares, would give: nothing is
        drawn. A class without a test sample is left out, and the others' shares are scaled up; None if nothing is left.
        """
        by_class = self.accuracy_by_class()
        mix = np.pad(mix, (0, max(0, len(by_class) - len(mix))))  # a client need not have the last classes
        by_class = np.pad(by_class, (0, len(mix) - len(by_class)), constant_values=np.nan)  # nor need the test samples
        known = ~np.isnan(by_class) & (mix > 0)
        return float(np.average(by_class[known], weights=mix[known])) if known.any() else None


class Score(NamedTuple):
    """The result of an evaluation.

    Attributes:
        accuracy: the fraction of all test samples that were classified correctly, as a mean over the models.
        loss: the mean cross-entropy of a test sample, as a mean over the models.
        personal: the accuracy of each client's model on that client's own mix of classes, as a mean over clients; None
            where no client was evaluated.
        personal_worst: the same, as a mean over the worst tenth of these clients.
        participants, participants_worst: the same two, of those of these clients that have taken part in training; None
            where none of them has.
        personal_models: how many distinct models these clients use: one where all share a model.
    """

    accuracy: float
    loss: float
    personal: float | None = None
    personal_worst: float | None = None
    participants: float | None = None
    participants_worst: float | None = None
    personal_models: int = 1


def worst_decile(accuracies: Sequence[float]) -> float:
    """Return the mean of the lowest tenth of some accuracies; their number is rounded up."""
    lowest = sorted(accuracies)[: ceil(len(accuracies) / 10)]
    return sum(lowest) / len(lowest)


def score(
    views: Sequence[Answers], personal: Sequence[tuple[Answers, Mix]], took_part: Sequence[bool] | None = None
) -> Score:
    """Return the mean score of some models on all test samples, and of clients' models on their own mixes.

    A client is left out if no class that it has occurs in the test samples.

    Args:
        views: the answers of each model that is evaluated on all test samples.
        personal: for each client, the answers of its model and its mix of classes.
        took_part: for each client, whether it has taken part in training; None: none has.
    """
    accuracies = [int(answers.right.sum()) / int(answers.samples.sum()) for answers in views]
    losses = [answers.loss / int(answers.samples.sum()) for answers in views]
    own = [answers.accuracy_for(mix) for answers, mix in personal]
    theirs = [accuracy for accuracy, took in zip(own, took_part or [False] * len(own), strict=True) if took]
    accuracy, loss = sum(accuracies) / len(accuracies), sum(losses) / len(losses)
    models = len({id(answers) for answers, _ in personal})
    return Score(accuracy, loss, *_mean_and_worst(own), *_mean_and_worst(theirs))._replace(personal_models=models)


def _mean_and_worst(accuracies: Sequence[float | None]) -> tuple[float, float] | tuple[None, None]:
    """Return the mean of the accuracies that are known, and that of their worst tenth; None for both without any."""
    known = [accuracy for accuracy in accuracies if accuracy is not None]
    return (sum(known) / len(known), worst_decile(known)) if known else (None, None)
