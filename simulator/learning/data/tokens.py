"""Texts in memory, as ids of tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from simulator.learning.data.datasets.texts import PADDING
from simulator.learning.data.inputs import Inputs

MULTIPLE = 8
"""Batches that are padded to their longest text are padded on to a multiple of this, as kernels prefer."""


class Choices(NamedTuple):
    """The choices of all questions, each as a text of its own with the question before it.

    Attributes:
        texts: the choices, with the tokens of the choices alone as targets.
        first: the first row of each question's choices, int64 [questions + 1], always on the CPU.
    """

    texts: Tokens
    first: Tensor

    def of(self, questions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the choices of some questions.

        Returns:
            For each choice, the position of its question in ``questions``, and its row; both int64, in order.
        """
        starts, ends = self.first[questions.cpu()], self.first[questions.cpu() + 1]
        position = torch.arange(len(questions)).repeat_interleave(ends - starts)
        rows = torch.cat([torch.arange(int(a), int(b)) for a, b in zip(starts, ends, strict=True)])
        return position, rows.to(questions.device)


class Tokens(Inputs):
    """Texts in memory as ids of tokens, padded behind their end.

    Args:
        ids: the ids, int32 [N, L], with -1 behind the end of a text; None where only shapes matter and all texts are
            padded to one length.
        labels: the class of each text, int64 [N].
        length: how many tokens a text has at most, L.
        targets: the token to be predicted at each position, int32 [N, L], -100 where there is none; None where the
            class is predicted.
        longest: whether a batch is padded to its longest text only, and not to ``length``.
        predicts_tokens: whether there are targets; only asked where ``targets`` is None.
        dry: whether only shapes and labels matter.
        file_bytes: returns the size in bytes of each text as it is stored on a device, int64 [N].
        choices: of test samples of multiple choice, the choices of each.

    Attributes:
        choices: as given.
    """

    dtype = torch.int64

    def __init__(
        self,
        ids: Tensor | None,
        labels: Tensor,
        length: int,
        targets: Tensor | None = None,
        *,
        longest: bool = False,
        predicts_tokens: bool = False,
        dry: bool = False,
        file_bytes: Callable[[], Any],
        choices: Choices | None = None,
    ) -> None:
        super().__init__(labels, dry, file_bytes)
        assert ids is not None or (dry and not longest), "values and lengths are in the ids"
        self.shape, self.ragged, self.choices = (length,), longest, choices
        self._ids, self._targets = ids, targets
        self._predicts_tokens = targets is not None or predicts_tokens
        self._lengths = (ids != PADDING).sum(dim=1) if ids is not None and longest else None

    def shape_of(self, index: Tensor) -> tuple[int, ...]:
        if self._lengths is None or not len(index):
            return self.shape
        longest = int(self._lengths[index].max())
        return (min(self.shape[0], -(-longest // MULTIPLE) * MULTIPLE),)

    def rows(self, index: Tensor) -> Tensor:
        (length,) = self.shape_of(index)
        if self.is_meta:
            return torch.empty((len(index), length), dtype=self.dtype, device="meta")
        assert self._ids is not None
        return self._ids[index, :length].long()

    def targets(self, index: Tensor) -> Tensor:
        if not self._predicts_tokens:
            return self.labels[index]
        (length,) = self.shape_of(index)
        if self.is_meta or self._targets is None:
            return torch.empty((len(index), length), dtype=torch.int64, device="meta")
        return self._targets[index, :length].long()

    def blank(self) -> Tokens:
        return Tokens(
            self._ids,
            self.labels,
            self.shape[0],
            longest=self.ragged,
            predicts_tokens=self._predicts_tokens,
            dry=True,
            file_bytes=lambda: self.file_bytes.numpy(),
        )

    def to(self, device: torch.device) -> Tokens:
        self.labels = self.labels.to(device)
        for name in ("_ids", "_targets", "_lengths"):
            value = getattr(self, name)
            setattr(self, name, None if value is None else value.to(device))
        if self.choices is not None:
            self.choices.texts.to(device)
        return self
