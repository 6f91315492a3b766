"""The loss, scores and answers of next tokens, by hand, token by token."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from simulator.learning.data.datasets.texts import IGNORED
from simulator.learning.data.lazy import LazyBatch
from simulator.learning.data.tokens import Tokens
from simulator.learning.objectives import Classification, NextToken

LOGITS = torch.tensor([[[0.2, -1.0, 3.0], [1.0, 0.5, 0.0], [9.0, 9.0, 9.0]], [[2.0, 0.0, 1.0], [0.0] * 3, [7.0] * 3]])
TARGETS = torch.tensor([[2, 1, IGNORED], [1, IGNORED, IGNORED]])
PREDICTED = [(0, 0, 2), (0, 1, 1), (1, 0, 1)]
"""Each predicted token: its sample, its position, and what is right."""


def chances(sample: int, position: int) -> list[float]:
    """The softmax, in Python's own numbers."""
    exps = [math.exp(value) for value in LOGITS[sample, position].tolist()]
    return [value / sum(exps) for value in exps]


def surprise(sample: int, position: int, right: int) -> float:
    """The cross-entropy of one token."""
    return -math.log(chances(sample, position)[right])


def test_the_loss_is_the_mean_over_predicted_tokens() -> None:
    """Not over samples: longer texts weigh more."""
    wanted = sum(surprise(*token) for token in PREDICTED) / 3
    assert float(NextToken().loss(LOGITS, TARGETS)) == pytest.approx(wanted, rel=1e-5)


def test_distillation_adds_the_mean_divergence_of_predicted_tokens() -> None:
    """Its gradient at a token is strength x (own chances - the teacher's) / 3, as there are three tokens."""
    own, strength = LOGITS.clone().requires_grad_(), 0.7
    NextToken().loss(own, TARGETS).backward()
    wanted, plain = float(NextToken().loss(LOGITS, TARGETS)), own.grad
    assert plain is not None
    own.grad, others = None, LOGITS.flip(-1)
    for sample, position, _ in PREDICTED:
        p, q = chances(sample, position)[::-1], chances(sample, position)
        wanted += strength / 3 * sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
        plain[sample, position] += strength / 3 * (torch.tensor(q) - torch.tensor(p))
    loss = NextToken().distilled(own, others, TARGETS, strength)
    loss.backward()
    assert loss.item() == pytest.approx(wanted, rel=1e-5)
    torch.testing.assert_close(own.grad, plain)


def test_what_is_not_predicted_has_no_gradient() -> None:
    logits = LOGITS.clone().requires_grad_()
    NextToken().loss(logits, TARGETS).backward()
    assert logits.grad is not None
    assert (logits.grad != 0).any(-1).tolist() == (TARGETS != IGNORED).tolist()


def test_a_score_is_the_mean_over_the_tokens_of_a_sample() -> None:
    def score(sample: int, position: int, right: int) -> float:
        apart = [share - (word == right) for word, share in enumerate(chances(sample, position))]
        return math.sqrt(sum(value * value for value in apart))

    one, two, three = (score(*token) for token in PREDICTED)
    assert NextToken().errors(LOGITS, TARGETS).tolist() == pytest.approx([(one + two) / 2, three], rel=1e-5)


def test_a_score_that_is_almost_0_is_that_of_a_class() -> None:
    """Of a sure answer, no digit is lost to the difference of two squares."""
    logits, right = torch.tensor([[[12.0, 0.0, 0.0, 0.0]]]), torch.tensor([[0]])
    wanted = float(Classification().errors(logits[0], right[0]))
    assert wanted == pytest.approx(2.13e-5, rel=0.01)
    assert NextToken().errors(logits, right).tolist() == pytest.approx([wanted], rel=1e-6)


def test_a_sample_without_predictions_has_score_0_whatever_its_logits() -> None:
    logits = torch.full((1, 2, 3), torch.nan)
    assert NextToken().errors(logits, torch.full((1, 2), IGNORED)).tolist() == [0.0]


def test_answers_count_tokens_by_the_class_of_their_text() -> None:
    ids = torch.zeros(2, 3, dtype=torch.int32)
    test = Tokens(ids, torch.tensor([1, 0]), 3, TARGETS.int(), file_bytes=lambda: None)

    def infer(x: LazyBatch) -> Tensor:
        return LOGITS[x.index]

    right, samples, loss = NextToken().answers(infer, test, torch.arange(2).split(1), 2)
    assert (right.tolist(), samples.tolist()) == ([0, 1], [1, 2])  # of three tokens, the first alone is the likeliest
    assert loss == pytest.approx(sum(surprise(*token) for token in PREDICTED), rel=1e-5)


def test_logits_are_charged_by_hand() -> None:
    logits = 4 * 2 * 3 * 5
    assert NextToken().loss_cost((2, 3, 5))[:4] == (0, 6 * logits, 3 * logits, 0)
    assert NextToken().errors_cost((2, 3, 5))[:4] == (0, 3 * logits, 2 * logits, 0)
    assert NextToken().divergence_cost((2, 3, 5))[:4] == (0, 12 * logits, logits, -logits)
