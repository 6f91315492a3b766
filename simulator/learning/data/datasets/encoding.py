"""Texts of files as token ids, and what is predicted of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, TypeVar

import numpy as np

from simulator.learning.data.datasets.texts import IGNORED, PADDING, Encoded, Task, Vocabulary
from simulator.learning.data.tokenizer import Tokenizer
from simulator.settings.errors import UnfitError

T = TypeVar("T")
CHUNK = 1000
"""How many texts are tokenised at once, so that not all are in memory."""


class Row(NamedTuple):
    """A sample as it is stored.

    Attributes:
        place: where it stands, for messages.
        texts: the text of each column.
        choices: the choices that follow, of which one is right; none in other tasks than multiple choice.
    """

    place: str
    texts: Sequence[str]
    choices: Sequence[str] = ()


class Encoder(NamedTuple):
    """How the rows of one part of a data set become token ids.

    Attributes:
        task: what a model learns.
        key: the setting that names the files, for messages.
        name: the name of the data set, for messages.
        between: what stands between texts that are joined.
        ends: whether the end-of-text token follows a text whose tokens are predicted.
    """

    task: Task
    key: str
    name: str
    between: str
    ends: bool = True

    def encode(self, rows: Callable[[], Iterable[Row]], count: int, tokenizer: Vocabulary, length: int) -> Encoded:
        """Tokenise the rows of a part; in other tasks than multiple choice.

        Args:
            rows: yields the rows.
            count: how many rows there are.
            tokenizer: the model's tokenizer.
            length: the number of tokens that a row has at most.

        Raises:
            UnfitError: the model has no tokenizer, or no token can be made, or predicted, of a text.
        """
        tokenizer = self._usable(tokenizer)
        if self.task == "classification":
            return self._classified(rows(), count, tokenizer, length)
        return self._continued((self._joined(row) for row in rows()), tokenizer, length)

    def encode_choices(
        self,
        rows: Callable[[], Iterable[Row]],
        tokenizer: Vocabulary,
        length: int,
        right: np.ndarray,
        every: bool,
    ) -> Encoded:
        """Tokenise the rows of a part in multiple choice.

        Args:
            rows, tokenizer, length: as in ``encode``.
            right: the number of the right choice of each row, int64 [N].
            every: whether every choice becomes a row, to be compared; otherwise the right one does, to be learned.

        Raises:
            UnfitError: as in ``encode``; or a row has no choice of the number that is right.
        """
        tokenizer, numbers = self._usable(tokenizer), []

        def continued() -> Iterator[_Continued]:
            for row, choice in zip(rows(), right.tolist(), strict=True):
                if choice >= (count := len(row.choices)):
                    problem = f"{row.place}, has {count} choices, and its label says that number {choice} is right"
                    raise UnfitError(self.key, None, problem, "labels that count the choices of a row from 0")
                numbers.append(count)
                before = "".join(f"{text}{self.between}" for text in row.texts)
                for text in row.choices if every else (row.choices[choice],):
                    yield _Continued(row.place, before, text)

        encoded = self._continued(continued(), tokenizer, length)
        if not every:
            return encoded
        return encoded._replace(question=np.repeat(np.arange(len(numbers)), numbers))

    def _usable(self, tokenizer: Vocabulary) -> Tokenizer:
        if isinstance(tokenizer, Tokenizer):
            return tokenizer
        problem = "its texts must be tokenised, and the model has no tokenizer: say which with model.tokenizer"
        raise UnfitError("name", self.name, problem, "the path of a tokenizer.json there; or synthetic_text here")

    def _classified(self, rows: Iterable[Row], count: int, tokenizer: Tokenizer, length: int) -> Encoded:
        ids, first, truncated = np.full((count, length), PADDING, np.int32), 0, 0
        for chunk in _chunks(rows):
            tokens, cut = tokenizer.encode([tuple(row.texts) for row in chunk], length)
            for number, (row, row_tokens) in enumerate(zip(chunk, tokens, strict=True)):
                if not row_tokens:
                    raise UnfitError(self.key, None, f"{row.place}: the tokenizer makes no token of this text")
                ids[first + number, : len(row_tokens)] = row_tokens
            first, truncated = first + len(chunk), truncated + cut
        return Encoded(ids, None, truncated)

    def _continued(self, rows: Iterable[_Continued], tokenizer: Tokenizer, length: int) -> Encoded:
        all_ids, all_targets, truncated = [], [], 0
        for chunk in _chunks(rows):
            ids = np.full((len(chunk), length), PADDING, np.int32)
            targets = np.full((len(chunk), length), IGNORED, np.int32)
            tokens, starts, cut = tokenizer.encode_continued([row[1:] for row in chunk], length, self.ends)
            for number, (row, row_tokens, start) in enumerate(zip(chunk, tokens, starts, strict=True)):
                first, last = max(start - 1, 0), len(row_tokens) - 1
                if first >= last:
                    problem = f"{row.place}: this text is too short, there is no token in it that could be predicted"
                    raise UnfitError(self.key, None, problem)
                ids[number, : len(row_tokens)] = row_tokens
                targets[number, first:last] = row_tokens[first + 1 :]
            all_ids.append(ids)
            all_targets.append(targets)
            truncated += cut
        none = np.empty((0, length), np.int32)
        return Encoded(np.concatenate([none, *all_ids]), np.concatenate([none, *all_targets]), truncated)

    def _joined(self, row: Row) -> _Continued:
        before = "".join(f"{text}{self.between}" for text in row.texts[:-1])
        return _Continued(row.place, before, row.texts[-1])


class _Continued(NamedTuple):
    place: str
    before: str
    text: str


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Yield the items as lists of at most ``CHUNK``."""
    iterator = iter(items)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk
