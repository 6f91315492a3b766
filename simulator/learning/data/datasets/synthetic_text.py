"""Synthetic texts, which need neither a file nor a tokenizer."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field, Strict, model_validator

from simulator.learning.data.datasets.base import DataSet, Raw
from simulator.learning.data.datasets.texts import IGNORED, PADDING, Encoded, Task, Texts, Vocabulary
from simulator.settings.bounds import MOST_WIDTH, ClassCount, Count, SampleCount
from simulator.settings.errors import UnfitError

MOST_WORDS = 100_000
"""Of a text; the longest contexts of models are of that order."""
OWN, LIKELY = 0.5, 0.875
"""Classification: the share of a text's tokens that are of its class's own. Next token: how often the chain goes on."""
STATES = 32
"""How many tokens a class has of its own at most, and how many a chain has."""
CHOICES = 4
"""How many choices a question has."""
TOKEN_BYTES = 4
"""What a token counts as where texts are sent: a word of English has about as many letters."""

Words = Annotated[int, Field(gt=0, le=MOST_WORDS)]


class SyntheticText(DataSet):
    """Random token ids that can be learned: for dry runs, plans and tests. The same on every machine.

    In classification, half of the tokens of a text are drawn from a few that its class alone prefers, the others from
    the whole vocabulary. For the next token, a text is a Markov chain over 32 tokens: seven times in eight a token is
    followed by the one that its class puts there, otherwise by any of the 32. In multiple choice, one of four choices
    goes on with the chain, and the others are drawn at random.

    Where texts are sent, each token counts as 4 bytes.

    Attributes:
        samples, test_samples: how many texts there are for training and for testing; the numbers of texts of two
            classes differ by one at most.
        classes: how many classes there are, or how many chains; in ``next_token`` they serve to partition the texts. In
            ``multiple_choice`` the label of a text is the number of its right choice instead.
        vocabulary: how many token ids there are; null: as many as the model has.
        task: what is learned: the class of a text, its next tokens, or which choice follows.
        words: the length of the shortest and of the longest texts in tokens; of a question with its choice.
    """

    name: ClassVar[str] = "synthetic_text"
    samples: SampleCount = 1000
    test_samples: SampleCount = 200
    classes: ClassCount = 2
    vocabulary: Annotated[Count, Field(le=MOST_WIDTH)] | None = None
    task: Task = "classification"
    words: Annotated[tuple[Words, Words], Strict(False)] = (8, 32)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.samples < self.classes:
            raise ValueError(f"{self.samples} samples do not show all of {self.classes} classes: use more samples")
        least, most = self.words
        if least > most:
            raise ValueError(f"words: the shortest texts have {least} tokens, and the longest {most}: swap the two")
        if self.task != "classification" and least < 2:
            raise ValueError("words: the shortest texts have one token, and none follows it: say 2 or more")
        return self

    def load(self) -> Raw:
        names = tuple(str(label) for label in range(CHOICES if self.task == "multiple_choice" else self.classes))
        return Raw(self._drawn("train", self.samples), self._drawn("test", self.test_samples), names)

    def _drawn(self, part: str, count: int) -> Texts:
        stream = 1 if part == "train" else 2
        rng, chooses = np.random.default_rng(stream), self.task == "multiple_choice"
        labels = rng.permutation(count) % (CHOICES if chooses else self.classes)
        words = rng.integers(self.words[0], self.words[1], size=count, endpoint=True)

        def encoded(model: Vocabulary, length: int) -> Encoded:
            random, ids = np.random.default_rng(stream + 2), self._ids(model.vocabulary)
            if self.task == "classification":
                return _fitted(self._topics(ids, labels, random), words, length, None)
            chains = self._chains(ids, random.integers(self.classes, size=count) if chooses else labels, random)
            if self.task == "next_token":
                return _fitted(chains, words, length, np.ones(count, np.int64))
            if part == "train":  # the right choices alone
                return _fitted(chains, words, length, words // 2)
            return self._questions(ids, chains, labels, words, length, random)

        return Texts(labels, self.task, encoded, lambda: TOKEN_BYTES * words, tokenized=True)

    def _ids(self, known: int) -> int:
        """Return how many token ids there are, of ``known`` that the model has."""
        ids = self.vocabulary or known
        if ids > known:
            raise UnfitError("vocabulary", ids, f"the model has {known:,} token ids", f"at most {known}, or null")
        if ids < (least := 2 * self.classes if self.task == "classification" else 4):
            problem = f"{ids} token ids are too few for {self.classes} classes"
            raise UnfitError("vocabulary", self.vocabulary, problem, f"{least} or more")
        return ids

    def _topics(self, ids: int, labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Draw texts of full length for classification, int64 [N, T]."""
        size = (len(labels), self.words[1])
        own = min(STATES, ids // self.classes)
        topics = np.random.default_rng(0).permutation(ids)[: own * self.classes].reshape(self.classes, own)
        of_class = topics[labels[:, None], random.integers(own, size=size)]
        return np.where(random.random(size) < OWN, of_class, random.integers(ids, size=size))

    def _chains(self, ids: int, labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Draw texts of full length from the Markov chain of their class, int64 [N, T]."""
        tokens, followers = self._rules(ids)
        size = (len(labels), self.words[1])
        goes_on, states = random.random(size) < LIKELY, random.integers(len(tokens), size=size)
        for place in range(1, size[1]):
            following = followers[labels, states[:, place - 1]]
            states[:, place] = np.where(goes_on[:, place], following, states[:, place])
        return tokens[states]

    def _rules(self, ids: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the tokens of the chains, int64 [S], and what follows each for each class, int64 [classes, S]."""
        rng = np.random.default_rng(0)
        tokens = rng.permutation(ids)[:STATES]
        return tokens, np.stack([rng.permutation(len(tokens)) for _ in range(self.classes)])

    def _questions(
        self,
        ids: int,
        chains: np.ndarray,
        right: np.ndarray,
        words: np.ndarray,
        length: int,
        random: np.random.Generator,
    ) -> Encoded:
        """Make questions of chains, with every choice: the second half of each text is the right one.

        Args:
            ids: how many token ids there are.
            chains: the texts at full length, int64 [N, T].
            right: the number of the right choice of each, int64 [N].
            words: the length of each text in tokens, int64 [N].
            length: the number of tokens at most.
            random: draws the other choices.
        """
        tokens, _ = self._rules(ids)
        rows = np.repeat(chains[:, None], CHOICES, axis=1)
        others = tokens[random.integers(len(tokens), size=rows.shape)]
        behind = np.arange(rows.shape[2]) >= (words // 2)[:, None, None]
        wrong = np.arange(CHOICES)[:, None] != right[:, None, None]
        rows = np.where(behind & wrong, others, rows).reshape(-1, rows.shape[2])
        words = np.repeat(words, CHOICES)
        return _fitted(rows, words, length, words // 2)._replace(question=np.arange(len(rows)) // CHOICES)


def _fitted(texts: np.ndarray, words: np.ndarray, length: int, starts: np.ndarray | None) -> Encoded:
    """Cut texts to their own length and to that of the model.

    Args:
        texts: the token ids at full length, int64 [N, T].
        words: the length of each text in tokens, int64 [N].
        length: the number of tokens at most.
        starts: the first token of each text that is predicted, int64 [N], at least 1; None: none is.
    """
    places = np.arange(max(length, texts.shape[1]))
    ids = np.full((len(texts), len(places)), PADDING, np.int32)
    ids[:, : texts.shape[1]] = texts
    ids[places >= words[:, None]] = PADDING
    truncated = int((words > length).sum())
    if starts is None:
        return Encoded(ids[:, :length], None, truncated)
    starts = np.minimum(starts, length - 1)
    targets = np.full((len(texts), length), IGNORED, np.int32)
    targets[:, : length - 1] = ids[:, 1:length]
    predicted = (places[:length] >= starts[:, None] - 1) & (places[:length] < np.minimum(words, length)[:, None] - 1)
    return Encoded(ids[:, :length], np.where(predicted, targets, np.int32(IGNORED)), truncated)
