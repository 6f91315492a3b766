"""The answers of multiple choice, by hand: the choice whose tokens are the likeliest on average."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from simulator.learning.data.datasets.texts import IGNORED
from simulator.learning.data.lazy import LazyBatch
from simulator.learning.data.tokens import Choices, Tokens
from simulator.learning.objectives import MultipleChoice

CHANCES = {0: [0.5], 1: [0.9, 0.4], 2: [0.3, 0.3], 3: [0.8, 0.1], 4: [0.2]}
"""Of the right token at each predicted position, by choice. Question 0 has three choices, question 1 two."""
LABELS = torch.tensor([1, 1])


def questions() -> Tokens:
    """Two questions; the word to be predicted is always 1, after one token of question."""
    targets = torch.full((5, 3), IGNORED, dtype=torch.int32)
    for row, chances in CHANCES.items():
        targets[row, : len(chances)] = 1
    ids = torch.zeros(5, 3, dtype=torch.int32)
    texts = Tokens(ids, torch.zeros(5, dtype=torch.int64), 3, targets, file_bytes=lambda: None)
    first = torch.tensor([0, 3, 5])
    return Tokens(ids[:2], LABELS, 3, targets[:2], file_bytes=lambda: None, choices=Choices(texts, first))


def infer(x: LazyBatch) -> Tensor:
    """Logits with these chances; elsewhere all words are equally likely."""
    logits = torch.zeros(len(x.index), 3, 2)
    for number, row in enumerate(x.index.tolist()):
        for position, chance in enumerate(CHANCES[row]):
            logits[number, position, 1] = math.log(chance / (1 - chance))
    return logits


def mean(row: int) -> float:
    """The mean cross-entropy of a choice."""
    return -sum(map(math.log, CHANCES[row])) / len(CHANCES[row])


@pytest.mark.parametrize("at_once", [1, 2])
def test_the_likeliest_choice_on_average_is_the_answer(at_once: int) -> None:
    """Of question 0 it is choice 1 (0.6 a token, as a geometric mean), of question 1 the first (0.28 against 0.2)."""
    assert [min(rows, key=mean) for rows in ((0, 1, 2), (3, 4))] == [1, 3]
    right, samples, loss = MultipleChoice().answers(infer, questions(), torch.arange(2).split(at_once), 3)
    assert (right.tolist(), samples.tolist()) == ([0, 1, 0], [0, 2, 0])
    assert loss == pytest.approx(mean(1) + mean(4), rel=1e-5)


def test_a_question_with_nan_is_not_answered_rightly() -> None:
    def broken(x: LazyBatch) -> Tensor:
        logits = infer(x)
        logits[x.index == 0] = torch.nan
        return logits

    right, samples, _ = MultipleChoice().answers(broken, questions(), [torch.tensor([0])], 3)
    assert (right.tolist(), samples.tolist()) == ([0, 0, 0], [0, 1, 0])


def test_it_is_trained_as_next_tokens() -> None:
    """The mean over all tokens of a batch, of which the first text has one and the second two; not over texts."""
    logits, y = infer(LazyBatch(questions(), torch.arange(2))), questions().targets(torch.arange(2))
    wanted = -(math.log(0.5) + math.log(0.9) + math.log(0.4)) / 3
    assert float(MultipleChoice().loss(logits, y)) == pytest.approx(wanted, rel=1e-5)
    assert not MultipleChoice.over_tokens
