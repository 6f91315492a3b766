"""Trials are given up by their curves, as the median of earlier ones has it, and are recorded as given up."""

from __future__ import annotations

import json
from statistics import median

import pytest

from simulator.experiments.search.evaluate import GivenUpError, Judge
from simulator.experiments.search.measures import curve_of
from simulator.experiments.search.pruning.median import Median
from simulator.experiments.search.pruning.none import NoPruning
from tests.helpers.small_searches import new, searched
from tests.helpers.small_sweeps import Write, names

CURVES = tuple({0: 0.1, 1: 0.2, 2: high - 0.1, 3: high} for high in (0.5, 0.7, 0.9))


@pytest.mark.parametrize(
    ("accuracies", "last"),
    [
        ((0.1, 0.1, 0.5, 0.6), 2),  # the median of 0.4, 0.6 and 0.8 is more
        ((0.1, 0.1, 0.6, 0.6), 3),
        ((0.1, 0.1, 0.7, 0.1), None),  # the best so far counts: 0.7, as much as the median
        ((0.0, 0.0, 0.9, 0.9), None),  # round 1 is free
    ],
)
def test_who_is_below_the_median_is_given_up(accuracies: tuple[float, ...], last: int | None) -> None:
    judge = Judge.of(Median(after=1, first=3), CURVES)
    assert judge
    stopped = None
    for number, accuracy in enumerate(accuracies):
        try:
            judge(number, accuracy)
        except GivenUpError as stop:
            curve, stopped = stop.args
            assert curve == dict(enumerate(accuracies[: number + 1]))
            break
    assert stopped == last


def test_the_first_points_are_safe_and_so_are_all_without_pruning() -> None:
    judge = Judge.of(Median(after=0, first=4), CURVES)
    assert judge
    for number in range(4):
        judge(number, 0.0)
    assert Judge.of(Median(first=1), ()) is None
    assert Judge.of(NoPruning(), CURVES) is None


RATE = "training.optimizer.learning_rate"


def test_what_is_given_up_was_below_the_median(write: Write) -> None:
    """Without pruning the same points have whole curves, by which the rule can be checked."""
    said = {
        "set": {"training.rounds": 3, "training.train": "full", "evaluation.samples": 20},
        "space": {RATE: [1e-8, 0.05, 1e-7, 0.1, 1e-6, 0.2]},
        "objectives": [{"maximise": "settled_accuracy"}],
        "sampler": {"name": "random"},
        "trials": 6,
    }
    file = write(**said, pruning={"name": "median", "after": 0, "first": 1})
    pruned = searched(file, dry=False)
    whole = searched(write("whole.yaml", **said), dry=False, out=file.parent / "whole")
    curves = {row[RATE]: curve_of(whole / "trials" / row["trials"]) for row in new(whole)}
    done: list[dict[int, float]] = []
    statuses = set()
    for row in new(pruned):
        curve, place = curves[row[RATE]], pruned / "trials" / row["trials"]
        below = [
            number
            for number in (1, 2, 3)
            if done and max(curve[step] for step in range(number + 1)) < median(other[number] for other in done)
        ]
        assert (row["status"] == "pruned") == bool(below), row
        if below:
            assert row["message"].startswith(f"given up after round {below[0]}, at ")
            assert names(place) == ["pruned.json"]
            told = json.loads((place / "pruned.json").read_text())["accuracy_by_round"]
            assert {int(step): accuracy for step, accuracy in told.items()} == {
                step: curve[step] for step in range(below[0] + 1)
            }
        else:
            assert curve_of(place) == curve
            done.append(curve)
        statuses.add(row["status"])
    assert statuses == {"done", "pruned"}
    before = names(pruned / "trials")
    searched(file, dry=False)
    assert names(pruned / "trials") == before, "what was given up is not tried again"
