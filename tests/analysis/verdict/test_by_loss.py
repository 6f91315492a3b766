"""The verdict of language models: by a target loss, else by the loss at the end."""

from __future__ import annotations

from pathlib import Path

from analysis import load_sweep
from analysis.goal import Target
from analysis.verdict import verdict_of_run, verdict_of_sweep
from tests.helpers.sweep_folders import UPLINK, Place, costs, fabricate_sweep
from tests.helpers.verdicts import rising, run_of

FAST = [0.1, 0.5, 0.75, 0.8, 0.82]
SLOW = [0.1, 0.3, 0.5, 0.74, 0.8]
"""Accuracies whose losses are 4 (1 - accuracy): at the end 0.72 and 0.8."""


def test_who_holds_a_target_loss_first_comes_first(tmp_path: Path) -> None:
    curves = {"FL": {0: rising(10, FAST)}, "SFL": {0: rising(10, SLOW)}}
    verdict = verdict_of_run(run_of(curves, tmp_path, target=Target(2.0, "loss")))
    assert verdict.answer == ("FL is the first to hold a loss of 2, after 10 s; SFL takes 2 times as long (20 s).",)
    assert verdict.certainty[0] == "Not decided: one seed and 400 test samples."


def test_the_lowest_loss_is_first_without_a_target(tmp_path: Path) -> None:
    curves = {label: {seed: rising(10, own) for seed in range(3)} for label, own in (("A", SLOW), ("B", FAST))}
    verdict = verdict_of_run(run_of(curves, tmp_path, target=None, task="next_token"))
    assert verdict.first == ("B",)
    assert verdict.answer == ("B has the lowest loss (0.72, a perplexity of 2.05; A is 0.08 above).",)
    assert verdict.decided
    assert "the loss of B is 0.08 below that of A" in verdict.certainty[-1]
    assert not any("accura" in sentence for sentence in verdict.sentences)


def test_classifiers_that_miss_a_target_loss_are_compared_by_accuracy_and_it_is_said(tmp_path: Path) -> None:
    curves = {"A": {0: rising(10, SLOW)}, "B": {0: rising(10, FAST)}}
    answer = verdict_of_run(run_of(curves, tmp_path, target=Target(0.1, "loss"))).answer
    assert answer[:2] == ("No algorithm holds a loss of 0.1.", "What follows goes by accuracy.")
    assert answer[2].startswith("B is the most accurate")


def test_a_target_loss_that_none_holds_is_said_before_who_has_the_lowest(tmp_path: Path) -> None:
    curves = {"A": {0: rising(10, SLOW)}, "B": {0: rising(10, FAST)}}
    verdict = verdict_of_run(run_of(curves, tmp_path, target=Target(0.1, "loss"), task="next_token"))
    assert verdict.answer[0] == "No algorithm holds a loss of 0.1."
    assert verdict.answer[1].startswith("B has the lowest loss")


def test_equal_losses_tie(tmp_path: Path) -> None:
    curves = {label: {0: rising(10, FAST)} for label in "AB"}
    verdict = verdict_of_run(run_of(curves, tmp_path, target=None, task="next_token"))
    assert verdict.answer == ("A and B have the lowest loss (0.72, a perplexity of 2.05).",)
    assert verdict.certainty == ("Not decided: A and B have equal losses.",)


def test_a_sweep_of_language_models_is_judged_by_loss(tmp_path: Path) -> None:
    """By accuracy the other one would be first: of 3 % in loss no more than of seconds would be said to be level."""

    def trained(label: str, place: Place, seed: int) -> dict[str, float | None]:
        loss, accuracy = (3.0, 0.4) if label == "FL" else (3.1, 0.5)
        return costs(label, place, seed) | {"final_loss": loss, "settled_accuracy": accuracy}

    folder = fabricate_sweep(tmp_path, {UPLINK: ["1 Mbit/s", "4 Mbit/s"]}, formula=trained, task="next_token")
    verdict = verdict_of_sweep(load_sweep(folder))
    assert verdict.answer == ("FL has the lowest loss at all 2 points.",)
