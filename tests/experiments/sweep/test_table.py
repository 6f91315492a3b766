"""The table with which a sweep ends: which figures, in which order, and in how much room."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from analysis import load_sweep
from analysis.goal import Target
from simulator.experiments.sweep.table import print_table
from tests.helpers.sweep_folders import HEAD, UPLINK, fabricate_sweep


def printed(folder: Path, target: float | None = None, width: int = 80) -> list[str]:
    """The lines of the table, without those that are empty."""
    text = io.StringIO()
    print_table(Console(file=text, width=width), load_sweep(folder), Target.of(target, None), "report.html")
    return [line.rstrip() for line in text.getvalue().splitlines() if line.strip()]


def trial(label: str, place: Any, seed: int) -> dict[str, float | None]:
    """A trial of 100 s, or with SFPrompt of 40 s, per block on the device and seed; its accuracy falls with blocks."""
    seconds = (40.0 if label == "SFPrompt" else 100.0) * int(place.get(HEAD, "1")) * (1 + seed)
    accuracy = 0.9 - 0.1 * int(place.get(HEAD, "1"))
    held = seconds / 2 if accuracy > 0.65 else None
    return {"sim_time_s": seconds, "settled_accuracy": accuracy, "final_accuracy": 0.5, "time_to_target_held_s": held}


def dry(label: str, place: Any, seed: int) -> dict[str, float | None]:
    """The same without training."""
    return {"sim_time_s": trial(label, place, seed)["sim_time_s"], "final_accuracy": None}


def test_a_dry_sweep_has_the_simulated_time_of_each_algorithm_at_each_point(tmp_path: Path) -> None:
    assert printed(fabricate_sweep(tmp_path, {HEAD: ["1", "2"]}, formula=dry, dry=True), target=0.7) == [
        "Simulated time",
        " head     FL  SFPrompt",
        " ─────────────────────",
        " 1     100 s      40 s",
        " 2     100 s      80 s",
    ]


def test_a_trained_one_has_settled_accuracies_and_the_time_until_the_target_holds(tmp_path: Path) -> None:
    lines = printed(fabricate_sweep(tmp_path, {HEAD: ["1", "2", "3"]}, ["FL", "SFPrompt"], formula=trial), target=0.65)
    assert lines == [
        "Settled accuracy and time to hold 65 % accuracy",
        " head          FL    SFPrompt",
        " ────────────────────────────",
        " 1     80 %  50 s  80 %  20 s",
        " 2     80 %  50 s  70 %  40 s",
        " 3     80 %  50 s  60 %     –",
    ]


def test_language_models_have_their_loss_in_place_of_accuracy(tmp_path: Path) -> None:
    def of_tokens(label: str, place: Any, seed: int) -> dict[str, float | None]:
        return trial(label, place, seed) | {"final_loss": 2.5 if label == "FL" else 3.25}

    folder = fabricate_sweep(tmp_path, {HEAD: ["1"]}, ["FL", "SFPrompt"], formula=of_tokens, task="next_token")
    text = io.StringIO()
    print_table(Console(file=text, width=80), load_sweep(folder), Target(3.5, "loss"), "report.html")
    lines = [line.rstrip() for line in text.getvalue().splitlines() if line.strip()]
    assert lines[0] == "Loss at the end and time to hold a loss of 3.5"
    assert lines[-1].split() == ["1", "2.5", "50", "s", "3.25", "20", "s"]


def test_without_a_target_it_has_the_simulated_time(tmp_path: Path) -> None:
    lines = printed(fabricate_sweep(tmp_path, {HEAD: ["1", "3"]}, ["SFPrompt"], formula=trial))
    assert lines[0] == "Settled accuracy and simulated time"
    assert lines[-1] == " 3     60 %  120 s"


def test_a_target_that_nothing_holds_is_said(tmp_path: Path) -> None:
    lines = printed(fabricate_sweep(tmp_path, {HEAD: ["3"]}, ["SFPrompt"], formula=trial), target=0.99)
    assert lines[0] == "Settled accuracy and simulated time; nothing held 99 % accuracy"
    assert lines[-1] == " 3     60 %  2 min"


def test_figures_are_means_over_seeds(tmp_path: Path) -> None:
    lines = printed(fabricate_sweep(tmp_path, {HEAD: ["1"]}, ["FL"], seeds=[0, 1, 2], formula=trial))
    assert lines[0] == "Settled accuracy and simulated time, means over 3 seeds"
    assert lines[-1] == " 1     80 %  3.33 min"


def test_all_times_have_one_unit_unless_they_are_too_far_apart(tmp_path: Path) -> None:
    def lasting(label: str, place: Any, seed: int) -> dict[str, float | None]:
        return {"sim_time_s": float(place[HEAD]), "final_accuracy": None}

    for name, heads, wanted in (
        ("near", ["9", "900"], ["9 s", "900 s"]),
        ("long", ["600", "7500"], ["10 min", "125 min"]),
        ("far", ["9", "9000"], ["9 s", "2.5 h"]),
    ):
        lines = printed(fabricate_sweep(tmp_path / name, {HEAD: heads}, ["SFPrompt"], formula=lasting, dry=True))
        assert [" ".join(line.split()[1:]) for line in lines[3:]] == wanted


@pytest.mark.parametrize("what", ["failed", "missing"])
def test_trials_without_a_result_are_named(tmp_path: Path, what: str) -> None:
    def at_two(label: str, place: Any, seed: int) -> bool:
        return label == "SFPrompt" and place[HEAD] == "2"

    folder = fabricate_sweep(tmp_path, {HEAD: ["1", "2"]}, formula=dry, dry=True, **{what: at_two})  # type: ignore[arg-type]
    assert printed(folder)[-1].split() == ["2", "100", "s", what]


def test_axes_that_move_together_share_a_column_where_their_values_are_alike(tmp_path: Path) -> None:
    downlink = UPLINK.replace("uplink", "downlink")
    zipped = [{UPLINK: ["×0.2", "×1"], downlink: ["×0.2", "×1"], "training.batch_size": ["8", "16"]}]
    folder = fabricate_sweep(tmp_path, {}, ["FL"], zipped=zipped, formula=dry, dry=True)
    assert printed(folder)[1:] == [
        " uplink.rate",
        " downlink.rate  batch_size     FL",
        " ────────────────────────────────",
        " ×0.2           8           100 s",
        " ×1             16          100 s",
    ]


def test_of_many_points_the_fastest_are_shown(tmp_path: Path) -> None:
    heads = [str(head) for head in range(30, 0, -1)]
    lines = printed(fabricate_sweep(tmp_path, {HEAD: heads}, ["SFPrompt"], formula=dry, dry=True))
    assert [line.split()[0] for line in lines[3:-1]] == [str(head) for head in range(1, 11)]
    assert lines[-1].replace("\n", " ").startswith("These are the 10 of 30 points with the shortest times")


def test_twenty_points_are_all_shown(tmp_path: Path) -> None:
    heads = [str(head) for head in range(20, 0, -1)]
    lines = printed(fabricate_sweep(tmp_path, {HEAD: heads}, ["SFPrompt"], formula=dry, dry=True))
    assert [line.split()[0] for line in lines[3:]] == heads


@pytest.mark.parametrize(("width", "blocks"), [(40, [2, 2, 1]), (57, [3, 2]), (58, [4, 1]), (80, [5])])
def test_algorithms_without_room_follow_below_and_no_line_is_too_long(
    tmp_path: Path, width: int, blocks: list[int]
) -> None:
    labels = ["one", "two", "three", "four", "five"]
    lines = printed(fabricate_sweep(tmp_path, {HEAD: ["1", "2"]}, labels, formula=trial), target=0.65, width=width)
    headings = [line.split()[1:] for line in lines if line.startswith(" head")]
    assert [label for heading in headings for label in heading] == labels
    assert [line.count("80 %") for line in lines if line.startswith(" 1 ")] == blocks
    assert max(map(len, lines[1:])) <= width


def test_a_long_heading_is_broken_at_its_dots(tmp_path: Path) -> None:
    keys = [f"algorithms.{label}.training.optimizer.learning_rate" for label in ("FL", "SFL")]
    folder = fabricate_sweep(tmp_path, {key: ["1", "2"] for key in keys}, ["FL"], formula=dry, dry=True)
    lines = printed(folder)
    assert [line.split() for line in lines[1:4]] == [
        ["FL.training.", "SFL.training."],
        ["optimizer.", "optimizer."],
        ["learning_rate", "learning_rate", "FL"],
    ]
