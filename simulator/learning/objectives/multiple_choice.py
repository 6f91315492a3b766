"""The right one of several continuations of a text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from simulator.learning.data.datasets.texts import IGNORED
from simulator.learning.data.inputs import Inputs
from simulator.learning.data.lazy import LazyBatch
from simulator.learning.data.tokens import Tokens
from simulator.learning.evaluation import Answers
from simulator.learning.objectives.next_token import NextToken


class MultipleChoice(NextToken):
    """Choose among continuations of a text by their likelihood; trained as next tokens of the right one.

    Of the choices of a question, the one whose tokens are the most likely on average is the model's answer (per token,
    so that long choices are not at a disadvantage). The loss is the mean cross-entropy of the right choices by
    question, each the mean of its tokens.
    """

    name: ClassVar[str] = "multiple_choice"
    over_tokens: ClassVar[bool] = False

    def answers(
        self, infer: Callable[[LazyBatch], Any], test: Inputs, batches: Iterable[Tensor], classes: int
    ) -> Answers:
        assert isinstance(test, Tokens)
        assert test.choices is not None, "test samples of multiple choice have choices"
        counts: Any = 0
        loss = 0.0
        for index in batches:
            question, rows = test.choices.of(index)
            means = torch.cat([self._means(infer, test.choices.texts, some) for some in rows.split(len(index))])
            right = test.labels[index]
            own = torch.arange(len(rows)) - torch.searchsorted(question, question)  # the number of the choice
            table = torch.full((len(index), int(own.max()) + 1), torch.inf).index_put((question, own), means.cpu())
            finite = ~table.isnan().any(dim=1)
            correct = (table.nan_to_num(torch.inf).argmin(dim=1).to(right.device) == right) & finite.to(right.device)
            counts += torch.stack([torch.bincount(some, minlength=classes) for some in (right[correct], right)])
            loss += float(table.gather(1, right.cpu()[:, None]).sum())
        right_by_class, samples = counts
        return Answers(right_by_class, samples, loss)

    def _means(self, infer: Callable[[LazyBatch], Any], texts: Inputs, rows: Tensor) -> Tensor:
        """Return the mean cross-entropy of the predicted tokens of each text, [len(rows)]."""
        y = texts.targets(rows)
        losses = cross_entropy(infer(LazyBatch(texts, rows)).transpose(1, 2), y, ignore_index=IGNORED, reduction="none")
        return losses.sum(dim=1) / (y != IGNORED).sum(dim=1).clamp_min(1)
