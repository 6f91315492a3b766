"""Settled accuracy, the held target and the errors of both, by hand and by laws."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np
import pytest

from analysis.goal import Target
from analysis.settled import (
    SETTLE,
    Evaluation,
    averaged_said,
    held_from,
    points,
    samples_said,
    sampling_error,
    settled_accuracy,
    with_errors,
)
from simulator.scenario.evaluation import EvaluationSettings


def evaluations(*accuracies: float) -> list[Evaluation]:
    """One evaluation before training and one after each of the updates, ten seconds apart."""
    return [Evaluation(number, 10.0 * number, accuracy) for number, accuracy in enumerate(accuracies)]


@pytest.mark.parametrize(
    ("accuracies", "settle", "wanted"),
    [
        ((0.1, 0.57, 0.655, 0.535, 0.76), 3, 0.65),
        ((0.1, 0.57, 0.655, 0.535, 0.76), 4, 0.63),
        ((0.1, 0.57, 0.655, 0.535, 0.76), 1, 0.76),
        ((0.9, 0.2, 0.4), 3, 0.3),
        ((0.9, 0.2), 3, 0.2),
        ((0.9,), 3, None),
        ((), 3, None),
    ],
)
def test_it_is_the_mean_of_the_last_evaluations_but_never_of_that_before_training(
    accuracies: Sequence[float], settle: int, wanted: float | None
) -> None:
    assert settled_accuracy(evaluations(*accuracies), settle) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("accuracies", "wanted"),
    [
        ((0.1, 0.57, 0.655, 0.535, 0.76), None),  # the last evaluation alone reaches it
        ((0.1, 0.7, 0.69, 0.7, 0.7), 30.0),
        ((0.1, 0.8, 0.9, 0.1, 0.1), 10.0),
        ((0.8, 0.7, 0.1), 0.0),  # before training and after
        ((0.8, 0.1, 0.8, 0.1), None),
        ((0.8,), None),
        ((), None),
    ],
)
def test_a_target_holds_from_the_first_of_two_evaluations_in_a_row(
    accuracies: Sequence[float], wanted: float | None
) -> None:
    assert held_from(evaluations(*accuracies), Target(0.7)) == wanted
    assert held_from(evaluations(*accuracies), None) is None


def test_a_model_that_is_evaluated_twice_counts_once() -> None:
    """Where no update arrived in a round, or time was up in the middle of one, nothing was learned in between."""
    twice = [*evaluations(0.1, 0.5, 0.8), Evaluation(2, 25.0, 0.8)]
    assert settled_accuracy(twice, 2) == pytest.approx(0.65)
    assert held_from(twice, Target(0.7)) is None
    assert held_from([*twice, Evaluation(3, 30.0, 0.7)], Target(0.7)) == 20.0


def test_it_holds_never_before_it_is_reached() -> None:
    random = np.random.default_rng(0)
    for accuracies in random.random((200, 6)).round(1):
        rows = evaluations(*map(float, accuracies))
        reached = [row.sim_time_s for row in rows if row.accuracy >= 0.5]
        held = held_from(rows, Target(0.5))
        confirmed = [clock for clock in reached if clock + 10 in reached]
        assert held == (min(confirmed) if confirmed else None)
        assert held is None or held >= min(reached)


def test_the_sampling_error_is_the_standard_error_of_a_mean_of_right_and_wrong_answers() -> None:
    answers = np.repeat([1.0, 0.0], [164, 36])
    assert sampling_error(0.82, 200) == pytest.approx(answers.std() / 200**0.5, rel=1e-12)
    assert 100 * sampling_error(0.82, 200) == pytest.approx(2.7166, abs=1e-4)


def test_means_over_evaluations_on_the_same_samples_have_at_most_this_error() -> None:
    random = np.random.default_rng(1)
    for share in (0.1, 0.5, 0.9):
        for copied in (0.0, 0.5, 1.0):  # from evaluations that are independent to those that agree on each sample
            one = random.random((1, 200)) < share
            others = np.where(random.random((3, 200)) < copied, one, random.random((3, 200)) < share)
            by_sample = others.mean(axis=0)
            assert by_sample.std() / 200**0.5 <= sampling_error(float(by_sample.mean()), 200) * (1 + 1e-12)


@pytest.mark.parametrize(
    ("accuracies", "deviation", "samples", "wanted"),
    [
        ((0.81, 0.82, 0.83), 0.01, 200.0, "82 % ± 1.0 (3 seeds) ± 2.7 (200 test samples)"),
        ((0.82,), nan, 200.0, "82 % ± 2.7 (200 test samples)"),
        ((0.82, 0.82), 0.0, 10_000.0, "82 % ± 0.4 (10,000 test samples)"),
        ((0.2, 0.8), 0.4243, None, "50 % ± 42.4 (2 seeds)"),
        ((1.0,), nan, 200.0, "100 %"),
    ],
)
def test_the_two_errors_are_told_apart(
    accuracies: Sequence[float], deviation: float, samples: float | None, wanted: str
) -> None:
    assert with_errors(accuracies, deviation, samples) == wanted


def test_differences_are_in_percentage_points() -> None:
    assert [points(share) for share in (0.0271, 0.12, 0.0003, 0.0)] == ["2.7", "12.0", "0.03", "0.0"]


def test_sentences_name_what_is_averaged_and_how_many_samples() -> None:
    assert averaged_said([1]) == "that of the last evaluation"
    assert averaged_said({5, 3}) == "the mean of the last 3 to 5 evaluations"
    assert samples_said([0.5], [100], several=False) == "The 100 test samples add a standard error of 5.0 points."
    assert samples_said([0.5, 0.9], {100}, several=True) == (
        "All seeds share the 100 test samples, which add a standard error of 3.0 to 5.0 points; "
        "more seeds do not lower it."
    )
    assert samples_said([0.5], set(), several=True) == ""


def test_what_earlier_scenarios_do_not_say_is_what_a_scenario_says_by_default() -> None:
    assert EvaluationSettings().settle == SETTLE
