"""The verdict of a run: who comes first, what that takes, how sure it is, and what would change it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.report_comparison import compare
from analysis.verdict import verdict_of_run
from tests.helpers.run_folders import fabricate
from tests.helpers.verdicts import rising, run_of

FAST = [0.1, 0.5, 0.75, 0.8, 0.82]
SLOW = [0.1, 0.3, 0.5, 0.74, 0.8]
NEVER = [0.1, 0.2, 0.3, 0.3, 0.4]


def test_who_holds_the_target_first_comes_first(tmp_path: Path) -> None:
    run = run_of({"FL": {0: rising(10, FAST)}, "SFL": {0: rising(10, SLOW)}, "X": {0: rising(1, NEVER)}}, tmp_path)
    verdict = verdict_of_run(run)
    assert verdict.first == ("FL",)
    assert verdict.answer == (
        "FL is the first to hold 70 %, after 20 s; SFL takes 1.5 times as long (30 s); X does not hold it.",
    )
    assert verdict.cost == (
        "To get there, FL takes 4 MB of traffic and 20 J on the devices, SFL 6 MB of traffic and 30 J on the devices.",
    )


def test_times_within_five_percent_are_level(tmp_path: Path) -> None:
    run = run_of({"A": {0: rising(10.3, FAST)}, "B": {0: rising(10, FAST)}, "C": {0: rising(20, FAST)}}, tmp_path)
    verdict = verdict_of_run(run)
    assert verdict.first == ("B", "A")
    assert verdict.answer[0].startswith("B and A are level: they hold 70 % after 20 s and 20.6 s; C takes 2 times")
    assert not verdict.decided


def test_one_seed_never_decides(tmp_path: Path) -> None:
    verdict = verdict_of_run(run_of({"FL": {0: rising(10, FAST)}, "X": {0: rising(1, NEVER)}}, tmp_path, samples=200))
    assert not verdict.decided
    assert verdict.certainty[0] == "Not decided: one seed and 200 test samples, each worth 0.5 points."


def test_seeds_that_agree_decide(tmp_path: Path) -> None:
    curves = {
        "FL": {seed: rising(10 + seed / 10, FAST) for seed in range(3)},
        "SFL": {seed: rising(20 + seed / 10, SLOW) for seed in range(3)},
    }
    verdict = verdict_of_run(run_of(curves, tmp_path, samples=4000))
    assert verdict.decided
    assert verdict.certainty[0] == "Decided."


def test_seeds_that_disagree_do_not(tmp_path: Path) -> None:
    curves = {
        "FL": {0: rising(10, FAST), 1: rising(40, FAST), 2: rising(10, FAST)},
        "SFL": {0: rising(20, FAST), 1: rising(20, FAST), 2: rising(30, FAST)},
    }
    verdict = verdict_of_run(run_of(curves, tmp_path, samples=4000))
    assert verdict.first == ("FL",)
    assert "SFL is earlier with 1 of 3 seeds; the interval over seeds includes a tie" in verdict.certainty[0]


def test_an_order_that_another_target_would_turn_is_not_decided(tmp_path: Path) -> None:
    """400 samples: two standard errors at 70 % are 4.6 points. B passes 74.6 % before A does."""
    curves = {
        "A": {seed: rising(10, [0.1, 0.71, 0.72, 0.73, 0.8, 0.8]) for seed in range(3)},
        "B": {seed: rising(15, [0.1, 0.5, 0.8, 0.8, 0.8, 0.8]) for seed in range(3)},
    }
    verdict = verdict_of_run(run_of(curves, tmp_path, samples=400))
    assert verdict.first == ("A",)
    assert not verdict.decided
    assert "at 74.6 % B would be first" in verdict.certainty[0]


def test_who_holds_it_with_some_seeds_only_is_not_first(tmp_path: Path) -> None:
    curves = {"A": {0: rising(1, FAST), 1: rising(1, NEVER)}, "B": {0: rising(9, FAST), 1: rising(9, FAST)}}
    verdict = verdict_of_run(run_of(curves, tmp_path))
    assert verdict.first == ("B",)
    assert "A holds it with 1 of 2 seeds" in verdict.answer[0]


def test_a_rival_that_is_earlier_with_one_seed_leaves_it_undecided(tmp_path: Path) -> None:
    """C is last in the mean (28 s against 20 and 24), and first with two of three seeds."""
    curves = {
        "A": {seed: rising(10, FAST) for seed in range(3)},
        "B": {seed: rising(12, FAST) for seed in range(3)},
        "C": {0: rising(1, FAST), 1: rising(40, FAST), 2: rising(1, FAST)},
    }
    verdict = verdict_of_run(run_of(curves, tmp_path, samples=4000))
    assert verdict.first == ("A",)
    assert "C is earlier with 2 of 3 seeds" in verdict.certainty[0]


def test_runs_without_seeds_in_common_are_not_decided(tmp_path: Path) -> None:
    curves = {
        "A": {seed: rising(10, FAST) for seed in (0, 1, 2)},
        "B": {seed: rising(30, FAST) for seed in (3, 4, 5)},
    }
    verdict = verdict_of_run(run_of(curves, tmp_path, samples=4000))
    assert "A and B have fewer than 3 seeds in common" in verdict.certainty[0]


def test_two_seeds_are_too_few(tmp_path: Path) -> None:
    curves = {label: {seed: rising(10 * n, FAST) for seed in (0, 1)} for n, label in enumerate("AB", 1)}
    verdict = verdict_of_run(run_of(curves, tmp_path, samples=4000))
    assert verdict.certainty[0] == "Not decided: two seeds are too few for an interval."


def test_a_lead_within_one_evaluation_is_not_decided(tmp_path: Path) -> None:
    """A is evaluated every 10 s and B every 14 s: B's lag of 8 s may be the time between two looks."""
    curves = {
        "A": {seed: rising(10 + seed / 100, FAST) for seed in range(3)},
        "B": {seed: rising(14 + seed / 100, FAST) for seed in range(3)},
    }
    verdict = verdict_of_run(run_of(curves, tmp_path, samples=4000))
    assert verdict.certainty[0] == "Not decided: B is less than one evaluation behind."


def test_a_target_held_before_training_costs_nothing(tmp_path: Path) -> None:
    curves = {"A": {0: rising(10, [0.75, 0.8, 0.8])}, "B": {0: rising(10, FAST)}}
    verdict = verdict_of_run(run_of(curves, tmp_path))
    assert verdict.answer[0] == "A is the first to hold 70 %, after 0 s; B does after 20 s."
    assert verdict.cost[0].startswith("To get there, A takes nothing, B 4 MB")


def test_a_tie_in_accuracy_is_not_decided(tmp_path: Path) -> None:
    curves = {label: {seed: rising(1, FAST) for seed in range(3)} for label in ("A", "B")}
    curves["C"] = {seed: rising(1, NEVER) for seed in range(3)}
    verdict = verdict_of_run(run_of(curves, tmp_path, target=None, samples=4000))
    assert verdict.first == ("A", "B")
    assert verdict.certainty[0] == "Not decided: A and B are equally accurate."


def test_a_label_without_an_accuracy_is_named(tmp_path: Path) -> None:
    curves = {
        "A": {0: rising(1, FAST), 1: rising(1, FAST)},
        "B": {0: rising(1, NEVER), 1: rising(1, [None] * 5)},
    }
    verdict = verdict_of_run(run_of(curves, tmp_path, target=None))
    assert "B has no accuracy with every seed." in verdict.answer


def test_unlike_numbers_of_updates_are_compared_by_update(tmp_path: Path) -> None:
    """60 updates in 8 s, and 10 in 4 s: the second takes less time, and three times as much for each update."""
    curves = {"sync": {0: rising(2, [None] * 5)}, "async": {0: rising(1, [None] * 5)}}
    later = {"sync": 2.0, "async": 1.0}
    run = run_of(
        *(curves, tmp_path), updates={"sync": 60.0, "async": 10.0}, bytes_provisioning=later, later_round_s=later
    )
    verdict = verdict_of_run(run)
    assert verdict.answer[0] == (
        "sync takes the least time for each update, 133 ms; async takes 3 times as long (400 ms)."
    )
    assert not verdict.change


def test_seeds_are_counted_by_what_was_compared(tmp_path: Path) -> None:
    """For each update sync takes least with either seed, though async takes less in all."""
    curves = {
        "sync": {seed: rising(2 + seed / 10, [None] * 5) for seed in (0, 1)},
        "async": {seed: rising(1 + seed / 10, [None] * 5) for seed in (0, 1)},
    }
    verdict = verdict_of_run(run_of(curves, tmp_path, updates={"sync": 60.0, "async": 10.0}))
    assert verdict.first == ("sync",)
    assert verdict.certainty == ("sync is first with 2 of 2 seeds, which differ in shards and cohorts.",)


def test_a_label_without_a_critical_path_is_not_passed_over(tmp_path: Path) -> None:
    curves = {label: {0: rising(10 * n, FAST)} for n, label in enumerate("ABC", 1)}
    paths = {"B": {"link": 1.0}, "C": {"device": 1.0}}
    verdict = verdict_of_run(run_of(curves, tmp_path, paths=paths))
    assert not any("fastest" in sentence or "as fast as" in sentence for sentence in verdict.change)


def test_where_none_holds_the_target_accuracy_decides(tmp_path: Path) -> None:
    curves = {"A": {0: rising(1, NEVER)}, "B": {0: rising(9, FAST)}}
    verdict = verdict_of_run(run_of(curves, tmp_path, target=0.9))
    assert verdict.answer[0] == "No algorithm holds 90 %."
    assert verdict.first == ("B",)
    assert "B is the most accurate (79 % settled accuracy, 45.7 points ahead of A)" in verdict.answer[1]


def test_equal_accuracies_tie(tmp_path: Path) -> None:
    curves = {"FL": {0: rising(1, FAST)}, "SFL": {0: rising(2, FAST)}, "X": {0: rising(1, NEVER)}}
    verdict = verdict_of_run(run_of(curves, tmp_path, target=None))
    assert verdict.first == ("FL", "SFL")
    assert verdict.answer[0].startswith("FL and SFL are the most accurate")


def test_accuracies_within_the_error_of_the_test_samples_are_not_decided(tmp_path: Path) -> None:
    curves = {"A": {0: rising(1, [0.1, 0.80, 0.80])}, "B": {0: rising(1, [0.1, 0.79, 0.79])}}
    verdict = verdict_of_run(run_of(curves, tmp_path, target=None, samples=100))
    assert "B is within two standard errors of the test samples" in verdict.certainty[0]


def test_a_dry_run_says_who_takes_least(tmp_path: Path) -> None:
    curves = {"A": {0: rising(2, [None] * 5)}, "B": {0: rising(3, [None] * 5)}}
    verdict = verdict_of_run(run_of(curves, tmp_path, target=0.9))
    assert verdict.first == ("A",)
    assert verdict.answer[0] == "A takes the least time for 4 rounds, 8 s; B takes 1.5 times as long (12 s)."
    assert verdict.answer[1].startswith("This was a dry run")
    assert verdict.decided is None


def test_the_bottleneck_and_what_would_turn_the_order(tmp_path: Path) -> None:
    """FL: 16 s on links, 4 s on devices until 70 %; SFL: 3 s and 27 s. 16 + 4 / f = 3 + 27 / f with f = 23 / 13."""
    curves = {"FL": {0: rising(10, FAST)}, "SFL": {0: rising(10, SLOW)}}
    paths = {"FL": {"link": 8.0, "device": 2.0}, "SFL": {"link": 1.0, "device": 9.0}}
    verdict = verdict_of_run(run_of(curves, tmp_path, paths=paths))
    assert verdict.change == (
        "A round of FL spends 80 % on links and 20 % on devices; one of SFL spends 90 % on devices and 10 % on links "
        "(critical path).",
        "SFL would be as fast as FL with devices 1.8 times as fast (estimated from the critical paths).",
    )


def test_what_is_sent_once_does_not_decide_long_runs(tmp_path: Path) -> None:
    curves = {"FL": {0: rising(10, FAST)}, "SFL": {0: rising(12, FAST)}}
    sent = {"FL": 0.0, "SFL": 1e6}
    run = run_of(curves, tmp_path, bytes_provisioning=sent, later_round_s={"FL": 10.0, "SFL": 5.0})
    assert verdict_of_run(run).change == (
        "A later round, with nothing left to send once, takes SFL 5 s, FL 10 s: round for round, SFL is fastest in a "
        "long run.",
    )


def test_cohorts_that_differ_for_lack_of_memory_are_told(tmp_path: Path) -> None:
    run = run_of({"FL": {0: rising(10, FAST)}, "SFL": {0: rising(10, SLOW)}}, tmp_path)
    for small, said in (([["pi-0", "pi-1"], []], 1), ([["pi-0"], ["pi-0"]], 0)):
        told = verdict_of_run(replace(run, summary=run.summary.assign(devices_too_small=small))).answer
        sentence = "Cohorts differ, as devices too small for a method are never chosen for it: FL (2)."
        assert told.count(sentence) == said
        assert sum("Cohorts" in line for line in told) == said


@pytest.mark.parametrize("dry", [True, False])
def test_a_run_of_an_earlier_version_has_a_verdict(tmp_path: Path, dry: bool) -> None:
    from analysis import load_run

    assert verdict_of_run(load_run(fabricate(tmp_path, dry=dry))).first


def test_one_algorithm_alone_is_compared_with_nothing(tmp_path: Path) -> None:
    verdict = verdict_of_run(run_of({"FL": {0: rising(10, FAST)}}, tmp_path))
    assert verdict.answer == ("FL holds 70 % after 20 s; nothing else was run.",)
    assert verdict.decided is None
    assert not verdict.certainty


def test_runs_side_by_side_have_one_verdict(tmp_path: Path) -> None:
    folders = [fabricate(tmp_path / name, seeds=(0,), rounds=4) for name in ("one", "two")]
    found = compare(folders)
    verdict = verdict_of_run(found.joined, found.own_labels)
    assert set(verdict.first) <= set(found.joined.labels)
    assert verdict.first
