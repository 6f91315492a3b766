"""Targets of accuracy and of loss: when an evaluation reaches them, and what they are called."""

from __future__ import annotations

from math import e, inf, nan

import pytest

from analysis.goal import Target
from analysis.settled import Evaluation, held_from
from analysis.tasks import perplexity, worded


def losses(*values: float) -> list[Evaluation]:
    """One evaluation before training and one after each of the updates, ten seconds apart."""
    return [Evaluation(number, 10.0 * number, 0.5, loss) for number, loss in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ((4.0, 3.0, 2.5, 2.6, 2.4), None),  # the last evaluation alone reaches it
        ((4.0, 2.5, 2.6, 2.5, 2.5), 30.0),
        ((2.0, 2.1, 3.0), 0.0),
        ((4.0, nan, 2.0, nan, 2.0), None),
        ((inf, 2.0, 2.0), 10.0),
        ((), None),
    ],
)
def test_a_target_loss_holds_from_the_first_of_two_evaluations_at_or_below_it(
    values: tuple[float, ...], wanted: float | None
) -> None:
    assert held_from(losses(*values), Target(2.5, "loss")) == wanted


def test_a_target_is_of_the_key_that_is_set() -> None:
    assert Target.written({"target_accuracy": 0.7, "target_loss": None}) == Target(0.7, "accuracy")
    assert Target.written({"target_accuracy": None, "target_loss": 2}) == Target(2.0, "loss")
    assert Target.written({}) is None


def test_what_they_are_called() -> None:
    assert (Target(0.7).said, Target(2.5, "loss").said) == ("70 %", "a loss of 2.5")
    assert (Target(0.7).heading, Target(2.5, "loss").heading) == ("70 %", "Loss of 2.5")


def test_perplexity_is_the_exponential_of_a_language_models_loss() -> None:
    assert perplexity(1.0, "next_token") == pytest.approx(e)
    assert perplexity(1.0, "classification") is None
    assert perplexity(None, "next_token") is None
    assert perplexity(1e4, "next_token") is None


def test_accuracy_of_tokens_is_called_so() -> None:
    text = "Accuracy is the mean of accuracies; settled accuracy"
    assert worded(text, "classification") == worded(text, "multiple_choice") == text
    assert worded(text, "next_token") == "Token accuracy is the mean of token accuracies; settled token accuracy"


def test_a_number_alone_is_an_accuracy() -> None:
    assert Target.read(0.5) == Target(0.5, "accuracy")
    assert Target.read(Target(2.0, "loss")) == Target(2.0, "loss")
    assert Target.read(None) is None
