"""Texts, as ids of tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from simulator.learning.data.datasets.texts import Texts, Vocabulary
from simulator.learning.data.tokens import Choices, Tokens
from simulator.learning.modalities.base import Modality


class TextModality(Modality):
    """Texts of at most ``length`` tokens, padded behind their end.

    A dry run reads no text, unless batches are padded to their longest one.

    Args:
        length: how many tokens a text has at most; what is longer is cut off.
        longest: whether a batch is padded to its longest text only, and not to ``length``.
        task: what is to be predicted: ``classification``, ``next_token`` or ``multiple_choice``.
        tokenizer: returns the tokenizer of the model, the first time that a text is read.
        words: the size of the model's vocabulary, from which random texts are drawn.
    """

    kind: ClassVar[str] = "texts"

    def __init__(self, length: int, longest: bool, task: str, tokenizer: Callable[[], Vocabulary], words: int) -> None:
        self.shape, self._longest, self._tokenizer, self._words = (length,), longest, tokenizer, words
        self._predicts_tokens = task != "classification"
        self.sample_bytes = length * (8 if self._predicts_tokens else 4)

    def inputs(self, samples: Texts, dry: bool) -> Tokens:
        labels, (length,) = torch.from_numpy(samples.labels), self.shape
        if dry and not self._longest:
            return Tokens(
                None, labels, length, predicts_tokens=self._predicts_tokens, dry=True, file_bytes=samples.file_bytes
            )
        found = samples.encoded(self._tokenizer(), length)
        ids: Tensor | None = torch.from_numpy(found.ids)
        targets = None if found.targets is None else torch.from_numpy(found.targets)
        choices = None
        if found.question is not None:  # the rows are choices
            question = torch.from_numpy(found.question)
            first = torch.searchsorted(question, torch.arange(len(labels) + 1))
            zeros = torch.zeros(len(found.ids), dtype=torch.int64)
            texts = Tokens(ids, zeros, length, targets, longest=self._longest, file_bytes=lambda: zeros.numpy())
            choices = Choices(texts, first)
            ids, targets = (values[first[:-1]] if isinstance(values, Tensor) else None for values in (ids, targets))
        return Tokens(
            ids,
            labels,
            length,
            targets,
            longest=self._longest,
            predicts_tokens=self._predicts_tokens,
            dry=dry,
            file_bytes=samples.file_bytes,
            choices=choices,
        )

    def random(self, samples: int, outputs: tuple[int, ...]) -> Tokens:
        generator, (length,) = torch.Generator().manual_seed(0), self.shape
        ids, targets = (
            torch.randint(0, words, (samples, length), generator=generator, dtype=torch.int32)
            for words in (self._words, outputs[-1])
        )
        if not self._predicts_tokens:
            return Tokens(ids, targets[:, 0].long(), length, file_bytes=lambda: [0] * samples)
        zeros = torch.zeros(samples, dtype=torch.int64)
        return Tokens(ids, zeros, length, targets, file_bytes=lambda: [0] * samples)
