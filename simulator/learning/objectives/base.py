"""The interface of an objective."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from simulator.accounting.costs import Cost
from simulator.learning.data.inputs import Inputs
from simulator.learning.data.lazy import LazyBatch
from simulator.learning.evaluation import Answers

FLOAT_BYTES = 4
EVALUATION_BATCH = 256
"""The largest number of test samples that are evaluated at once."""
EVALUATION_VALUES = 2**24
"""The largest number of logits that an evaluation computes at once: those of texts are one per token and word."""


class Objective(ABC):
    """What a model is trained for: which of its outputs count, and what is measured.

    Attributes:
        name: the name of the task, as data sets give it.
        over_tokens: whether each token is predicted, and measures are means over tokens, not over samples.
    """

    name: ClassVar[str]
    over_tokens: ClassVar[bool] = False

    @abstractmethod
    def counted(self, logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the predictions that count, and what is right: logits [M, C] and classes, int64 [M]."""

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """Return the mean cross-entropy of all predictions that count in a batch."""
        return cross_entropy(*self.counted(logits, y))

    @abstractmethod
    def errors(self, logits: Tensor, y: Tensor) -> Tensor:
        """Return the EL2N scores ||softmax(logits) - onehot(y)||_2 of samples, [N] (Paul et al., 2021, def. 2.2)."""

    def loss_cost(self, shape: tuple[int, ...]) -> Cost:
        """Return the cost of a loss and its gradient, for logits of this shape; nothing where they are few.

        The peak is the memory beside what the passes through the model keep.
        """
        return Cost()

    def distilled(self, logits: Tensor, teacher: Tensor, y: Tensor, strength: float) -> Tensor:
        """Return the loss plus ``strength x KL(p_teacher || p)``, the mean over the predictions that count."""
        own, target = (log_softmax(self.counted(each, y)[0], dim=-1) for each in (logits, teacher))
        divergence = kl_div(own, target, reduction="batchmean", log_target=True)
        return self.loss(logits, y) + strength * divergence

    def divergence_cost(self, shape: tuple[int, ...]) -> Cost:
        """Return what ``distilled`` and its gradient cost beside the loss, for logits of this shape.

        The peak is the memory beside that of the loss. What is kept, which is negative, are the teacher's logits that
        are no longer needed; nothing where they are few.
        """
        return Cost(bytes_touched=4 * FLOAT_BYTES * math.prod(shape))

    def errors_cost(self, shape: tuple[int, ...]) -> Cost:
        """Return the cost of ``errors`` for logits of this shape, which are in the peak; nothing where they are few."""
        return Cost()

    def answers(
        self, infer: Callable[[LazyBatch], Any], test: Inputs, batches: Iterable[Tensor], classes: int
    ) -> Answers:
        """Evaluate a model on test samples.

        Args:
            infer: returns the logits of a batch.
            test: the test samples.
            batches: the rows of the samples to evaluate, int64 [N] each.
            classes: the number of classes of samples.
        """
        counts: Any = 0
        loss = 0.0
        for index in batches:
            logits, y = self.counted(infer(LazyBatch(test, index)), test.targets(index))
            finite = logits.isfinite().all(dim=-1)  # argmax of NaN would count as class 0
            correct = (logits.argmax(dim=-1) == y) & finite
            of_class = self._classes(test, index)
            counts += torch.stack([torch.bincount(some, minlength=classes) for some in (of_class[correct], of_class)])
            loss += float(cross_entropy(logits, y, reduction="sum"))
        right, samples = counts
        return Answers(right, samples, loss)

    def _classes(self, test: Inputs, index: Tensor) -> Tensor:
        """Return the class of the sample that each prediction that counts belongs to, int64 [M]."""
        return test.labels[index]

    def evaluated_at_once(self, values: int) -> int:
        """Return how many samples are evaluated at once, if each has this many logits."""
        return max(1, min(EVALUATION_BATCH, EVALUATION_VALUES // values))
