"""The loss, scores and answers of classification, by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from simulator.learning.data.lazy import LazyBatch
from simulator.learning.data.tokens import Tokens
from simulator.learning.objectives import Classification

LOGITS = torch.tensor([[0.0, math.log(3.0)], [math.log(4.0), 0.0], [0.0, 0.0]])
"""The chances are 1/4 and 3/4; 4/5 and 1/5; 1/2 and 1/2."""
LABELS = torch.tensor([1, 1, 0])


def test_the_loss_is_the_mean_over_samples() -> None:
    wanted = -(math.log(3 / 4) + math.log(1 / 5) + math.log(1 / 2)) / 3
    assert float(Classification().loss(LOGITS, LABELS)) == pytest.approx(wanted)


def test_scores_are_distances_from_the_right_answer() -> None:
    wanted = [math.sqrt(2) / 4, math.sqrt(2) * 4 / 5, math.sqrt(2) / 2]
    assert Classification().errors(LOGITS, LABELS).tolist() == pytest.approx(wanted)


def test_logits_are_few_so_that_nothing_is_charged_for_them() -> None:
    assert not any(Classification().loss_cost((3, 2))[:4])
    assert not any(Classification().errors_cost((3, 2))[:4])
    assert Classification().divergence_cost((3, 2))[:4] == (0, 4 * 4 * 3 * 2, 0, 0)  # the teacher's, as ever


def test_answers_are_counted_by_class_and_nan_is_never_right() -> None:
    test = Tokens(torch.zeros(4, 2, dtype=torch.int32), torch.tensor([1, 1, 0, 0]), 2, file_bytes=lambda: None)

    def infer(x: LazyBatch) -> Tensor:
        return torch.cat([LOGITS, torch.full((1, 2), torch.nan)])[x.index]

    right, samples, loss = Classification().answers(infer, test, torch.arange(3).split(2), 3)
    assert (right.tolist(), samples.tolist()) == ([1, 1, 0], [1, 2, 0])
    assert loss == pytest.approx(-(math.log(3 / 4) + math.log(1 / 5) + math.log(1 / 2)))
    right, samples, loss = Classification().answers(infer, test, [torch.tensor([3])], 2)
    assert (right.tolist(), samples.tolist()) == ([0, 0], [1, 0])
    assert math.isnan(loss)


@pytest.mark.parametrize(("values", "samples"), [(1, 256), (2**20, 16), (2**30, 1)])
def test_so_many_samples_are_evaluated_at_once(values: int, samples: int) -> None:
    assert Classification().evaluated_at_once(values) == samples
