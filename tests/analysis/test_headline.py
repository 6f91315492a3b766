"""What a reader sees first: settled accuracies with their errors, and the time from which the target held."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from analysis import load_run, load_sweep, write_comparison, write_report, write_sweep_report
from analysis.headline import accuracy_said
from analysis.interactive.pareto import pareto_figure
from analysis.interactive.sweep import sweep_data
from analysis.measures import measure_columns
from analysis.pareto import frontier
from analysis.report_comparison import compare
from analysis.sweep_figures import write_sweep_figures
from tests.helpers.reports import Page
from tests.helpers.run_folders import fabricate
from tests.helpers.sweep_folders import UPLINK, Place, costs, fabricate_sweep

RATES = ["1 Mbit/s", "4 Mbit/s"]


def as_now(folder: Path, settled: float | None = None, samples: int | None = 200) -> Path:
    """Give the trials of a run folder the keys that this version writes; by default their accuracy is as it was."""
    path = folder / "summary.json"
    head = json.loads(path.read_text())
    for trial in head["trials"]:
        trial["settled_accuracy"] = trial["final_accuracy"] if settled is None else settled
        trial["time_to_target_held_s"], trial["evaluated_samples"] = trial["time_to_target_s"], samples
    path.write_text(json.dumps(head))
    return folder


def settle(folder: Path, number: int) -> None:
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"evaluation": {"settle": number}}))


@pytest.mark.parametrize("said", [None, 2])
def test_a_run_of_an_earlier_version_gets_them_from_its_rounds(tmp_path: Path, said: int | None) -> None:
    folder = fabricate(tmp_path, seeds=(0, 1), rounds=8)
    if said is not None:
        settle(folder, said)
    run = load_run(folder)
    for row in run.summary.itertuples():
        rounds = run.rounds[(run.rounds["label"] == row.label) & (run.rounds["seed"] == row.seed)]
        assert row.settled_accuracy == pytest.approx(rounds["accuracy"].tail(said or 3).mean(), rel=1e-12)
        assert row.time_to_target_held_s == pytest.approx(row.time_to_target_s, nan_ok=True), "it rises ever after"
    assert run.summary["time_to_target_held_s"].notna().any()
    assert run.summary["evaluated_samples"].isna().all()
    assert "Sampling error" not in [column.name for column in measure_columns(run)]


def test_a_dry_run_of_an_earlier_version_has_none(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path, dry=True))
    assert run.summary[["settled_accuracy", "time_to_target_held_s"]].isna().all(axis=None)


def test_what_a_run_says_is_not_computed_anew(tmp_path: Path) -> None:
    run = load_run(as_now(fabricate(tmp_path), settled=0.5))
    assert set(run.summary["settled_accuracy"]) == {0.5}
    assert set(run.summary["evaluated_samples"]) == {200}


def test_the_table_begins_with_them(tmp_path: Path) -> None:
    run = load_run(as_now(fabricate(tmp_path, seeds=(0, 1)), settled=0.82))
    first = measure_columns(run)[:4]
    assert [column.name for column in first] == [
        *("Settled accuracy", "Sampling error", "80 % held after", "Final accuracy")
    ]
    assert [cell.text for column in first[:2] for cell in column.cells] == ["82 %", "82 %", "± 2.7 %", "± 2.7 %"]


def test_an_algorithm_whose_samples_are_unknown_has_no_sampling_error(tmp_path: Path) -> None:
    new, old = as_now(fabricate(tmp_path / "new", name="new")), fabricate(tmp_path / "old", name="old")
    (cells,) = (own.cells for own in measure_columns(compare([new, old]).joined) if own.name == "Sampling error")
    assert [cell.value is None for cell in cells] == [False, False, True, True]


def test_an_accuracy_is_told_with_both_errors(tmp_path: Path) -> None:
    run = load_run(as_now(fabricate(tmp_path, ("A", "B"), algorithms=("fedavg",), seeds=(0, 1, 2), rounds=1)))
    run.summary["settled_accuracy"] = [0.81, 0.82, 0.83, 0.3, 0.3, 0.3]
    rows = run.summary[run.summary["label"] == "A"]
    assert accuracy_said(rows) == "82 % ± 1.0 (3 seeds) ± 2.7 (200 test samples)"


def test_a_page_says_what_they_are(tmp_path: Path) -> None:
    run = as_now(fabricate(tmp_path / "run", seeds=(0, 1)), settled=0.5)
    text = Page.of(write_report(run, [])).text
    assert "Settled accuracy is the mean of the last 3 evaluations after training began" in text
    assert "All seeds share the 200 test samples, which add a standard error of 3.5 points" in text
    assert "The target of 80 % is reached at the clock of the first evaluation at or above it" in text
    other = as_now(fabricate(tmp_path / "other", name="other"), settled=0.5, samples=50)
    settle(other, 5)
    text = Page.of(write_comparison([run, other], tmp_path / "compare.html")).text
    assert "the mean of the last 3 to 5 evaluations" in text
    assert "the 50 to 200 test samples, which add a standard error of 3.5 to 7.1 points" in text


def test_targets_that_differ_leave_out_from_when_they_held(tmp_path: Path) -> None:
    folders = [as_now(fabricate(tmp_path / f"{target}", target=target)) for target in (0.2, 0.3)]
    assert all(load_run(folder).summary["time_to_target_held_s"].notna().any() for folder in folders)
    assert compare(folders).joined.summary["time_to_target_held_s"].isna().all()


def noisy(label: str, place: Place, seed: int) -> Mapping[str, Any]:
    """The last round says the opposite of those before it."""
    told = costs(label, place, seed)
    settled = {"FL": 0.4, "SFPrompt": 0.5}[label] + 0.02 * seed
    held = {"FL": 5.0, "SFPrompt": None}[label]
    return told | {"settled_accuracy": settled, "time_to_target_held_s": held, "evaluated_samples": 100}


@pytest.mark.usefixtures("nothing_saved")
def test_a_sweep_is_drawn_and_told_by_them(tmp_path: Path) -> None:
    folder = fabricate_sweep(tmp_path, {UPLINK: RATES}, seeds=(0, 1), formula=noisy)
    sweep = load_sweep(folder)
    assert [what["column"] for what in sweep_data(sweep)["measures"]][:2] == [
        *("settled_accuracy", "time_to_target_held_s")
    ]
    assert frontier(sweep).gain.name == "settled accuracy"
    assert pareto_figure(sweep, "bytes")["layout"]["yaxis"]["title"]["text"] == "settled accuracy"
    drawn = {path.stem for path in write_sweep_figures(sweep)}
    assert {"over_axis_settled_accuracy", "over_axis_time_to_target_held_s"} <= drawn
    text = Page.of(write_sweep_report(sweep, [])).text
    assert "the mean of the last 3 evaluations after training began" in text
    assert "the 100 test samples, which add a standard error of 4.9 to 5.0 points" in text
    assert "The target is reached at the clock" in text


def test_an_axis_may_set_how_many_evaluations_are_averaged(tmp_path: Path) -> None:
    folder = fabricate_sweep(tmp_path, {"evaluation.settle": ["1", "4"]}, formula=noisy)
    text = Page.of(write_sweep_report(folder, [])).text
    assert "the mean of the last 1 to 4 evaluations" in text


def test_a_sweep_of_an_earlier_version_is_told_by_its_last_round(tmp_path: Path) -> None:
    sweep = load_sweep(fabricate_sweep(tmp_path, {UPLINK: RATES}))
    assert "settled_accuracy" not in sweep.summary
    assert frontier(sweep).gain.name == "accuracy at the end"
    columns = [what["column"] for what in sweep_data(sweep)["measures"]]
    assert columns[:2] == ["final_accuracy", "time_to_target_s"]
    assert len(columns) == len(set(columns))
