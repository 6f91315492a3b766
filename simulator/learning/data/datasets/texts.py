"""Texts with labels: the counterpart of ``base.Samples`` for language models, read and tokenised only when needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import ClassVar, Literal, NamedTuple, Protocol

import numpy as np

Task = Literal["classification", "next_token", "multiple_choice"]
"""What a model learns from texts: their class, their next tokens, or the right one of several choices."""
PADDING = -1
"""The id at positions behind the end of a text; no tokenizer has it, whatever its own padding is."""
IGNORED = -100
"""The target at positions where no token is to be predicted, as torch's ``cross_entropy`` has it."""


class Vocabulary(Protocol):
    """What synthetic texts need of a model; texts of files need a ``tokenizer.Tokenizer``, which is one.

    Attributes:
        vocabulary: how many token ids there are; the ids are 0 .. vocabulary - 1.
    """

    @property
    def vocabulary(self) -> int: ...

    def __hash__(self) -> int: ...


class Encoded(NamedTuple):
    """Texts as token ids.

    In the test part of multiple choice, each choice is a row of its own, and the rows of a question follow each other
    in the order of its choices. Everywhere else, each sample is one row.

    Attributes:
        ids: int32 [N, L], padded on the right with -1. Every row has at least one token.
        targets: int32 [N, L], the token that follows each position; -100 where it is not predicted. Every row has at
            least one target. None for classification.
        truncated: how many rows were longer than L, and were cut off.
        question: the question of each row, int64 [N], ascending from 0; None where rows are samples.
    """

    ids: np.ndarray
    targets: np.ndarray | None
    truncated: int
    question: np.ndarray | None = None


class Texts:
    """Texts with labels, in a fixed order.

    Attributes:
        labels: int64 [N], the class of each text: what is predicted in classification, and by which data are
            partitioned; zeros where there are no classes. In multiple choice, the number of the right choice.
        task: what a model learns from the texts.
        tokenized: whether the texts are token ids already, so that a model without a tokenizer can take them.
        encoded: takes a tokenizer (a ``Vocabulary`` suffices where ``tokenized``) and the length L in tokens, and
            returns ``Encoded``, which is cached for the last arguments. Nothing is read or tokenised before.
        file_bytes: returns the size in bytes of each text, UTF-8 as it is stored on a device, int64 [N]. No text is
            tokenised for it.
    """

    kind: ClassVar[str] = "texts"

    def __init__(
        self,
        labels: np.ndarray,
        task: Task,
        encoded: Callable[[Vocabulary, int], Encoded],
        file_bytes: Callable[[], np.ndarray],
        tokenized: bool = False,
    ) -> None:
        self.labels, self.task, self.tokenized = np.asarray(labels, dtype=np.int64), task, tokenized
        self.encoded = lru_cache(maxsize=1)(encoded)
        self.file_bytes = lru_cache(maxsize=1)(file_bytes)

    def __len__(self) -> int:
        return len(self.labels)
