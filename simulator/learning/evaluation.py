"""How good models are: on all test samples, and on each client's own mix of classes."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

Mix = np.ndarray
"""How many samples of each class somebody has, [C]."""


class Answers(NamedTuple):
    """What a model said to the test samples: how many of each class there are and it got right, int64 [C], and the sum
    of its cross-entropies."""

    right: Tensor
    samples: Tensor
    loss: float

    def accuracy_by_class(self) -> np.ndarray:
        """Fractions, [C]; NaN for a class of which there is no test sample."""
        right, samples = (counts.cpu().numpy() for counts in (self.right, self.samples))
        return np.divide(right, samples, out=np.full(len(samples), np.nan), where=samples > 0)

    def accuracy_for(self, mix: Mix) -> float | None:
        """Accuracy on test samples in this mix of classes: the mean of the accuracies by class, by shares of the mix.

        That is what infinitely many test samples, drawn from these by class in these shares, would give: nothing is
        drawn. A class without a test sample is left out, and the others' shares are scaled up; None if nothing is left.
        """
        by_class = self.accuracy_by_class()
        mix = np.pad(mix, (0, len(by_class) - len(mix)))  # a client need not have the last classes
        known = ~np.isnan(by_class) & (mix > 0)
        return float(np.average(by_class[known], weights=mix[known])) if known.any() else None


class Score(NamedTuple):
    """Of an evaluation.

    Attributes:
        accuracy: the fraction of all test samples that were right.
        loss: their mean cross-entropy.
        personal: accuracy of each client's model on that client's own mix of classes, mean over clients.
        personal_worst: the same, mean over the worst decile of clients.
    """

    accuracy: float
    loss: float
    personal: float | None = None
    personal_worst: float | None = None


def worst_decile(accuracies: Sequence[float]) -> float:
    """The mean of the lowest tenth of these, rounded up to a whole number of them."""
    lowest = sorted(accuracies)[: ceil(len(accuracies) / 10)]
    return sum(lowest) / len(lowest)


def score(views: Sequence[Answers], personal: Sequence[tuple[Answers, Mix]]) -> Score:
    """The mean over views on all test samples, and over clients, each with its model and its mix, on its own.

    A client of none of whose classes there is a test sample is left out.
    """
    every = [int(one.right.sum()) / int(one.samples.sum()) for one in views]
    losses = [one.loss / int(one.samples.sum()) for one in views]
    found = [accuracy for one, mix in personal if (accuracy := one.accuracy_for(mix)) is not None]
    accuracy, loss = sum(every) / len(every), sum(losses) / len(losses)
    return Score(accuracy, loss, sum(found) / len(found), worst_decile(found)) if found else Score(accuracy, loss)
