"""What trackers are told of a folder: trials, settings, curves and figures, as the folder has them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analysis.reading import RunError
from analysis.trackers.flat import flat
from analysis.trackers.study import study_of
from tests.helpers.run_folders import fabricate
from tests.helpers.sweep_folders import HEAD, UPLINK, fabricate_sweep


def test_a_run_has_a_trial_for_each_label_and_seed(run_folder: Path) -> None:
    study = study_of(run_folder)
    assert [trial.name for trial in study.trials] == ["FL-0", "FL-1", "SFPrompt-0", "SFPrompt-1"]
    assert len({study.key, *(trial.key for trial in study.trials)}) == 5
    assert study.tags == {"scenario": "tracked", "kind": "run", "dry": "no", "version": "0.1.0"}


def test_a_trial_has_the_settings_of_its_own_entry_alone(run_folder: Path) -> None:
    prompt = study_of(run_folder).trials[2].settings
    assert prompt["algorithm.name"] == "sfprompt"
    assert prompt["data.partition.alpha"] == 0.5
    assert prompt["world.devices.pi.count"] == 3
    assert not any(key.startswith("algorithms") for key in prompt)


def test_a_trial_that_was_run_again_is_another_one(run_folder: Path, tmp_path: Path) -> None:
    same, other = (fabricate(tmp_path / name, seeds=(0, 1), name="tracked") for name in ("same", "other"))
    summary = json.loads((other / "summary.json").read_text())
    summary["trials"][0]["wall_time_s"] += 1
    (other / "summary.json").write_text(json.dumps(summary))
    keys = [[trial.key for trial in study_of(folder).trials] for folder in (run_folder, same, other)]
    assert keys[0] == keys[1]
    assert [one == two for one, two in zip(keys[1], keys[2], strict=True)] == [False, True, True, True]


def test_a_dry_run_has_totals_and_no_curves_of_what_is_learned(tmp_path: Path) -> None:
    trial = study_of(fabricate(tmp_path / "dry", labels=("FL",), dry=True)).trials[0]
    tags = {curve.tag for curve in trial.curves()}
    assert {tag.partition("/")[0] for tag in tags} == {"totals"}
    assert {"totals/bytes_up", "totals/client_energy_j"} <= tags
    assert "final_accuracy" not in trial.figures


def test_a_trial_of_a_sweep_is_sent_once_with_the_values_that_matter_to_it(sweep_folder: Path) -> None:
    trials = study_of(sweep_folder).trials
    varied = [(trial.label, trial.varied) for trial in trials]
    assert varied == [
        ("FL", {UPLINK: 1e6}),
        ("SFPrompt", {UPLINK: 1e6, HEAD: 1.0}),
        ("FL", {UPLINK: 2e6}),
        ("SFPrompt", {UPLINK: 2e6, HEAD: 1.0}),
        ("SFPrompt", {UPLINK: 2e6, HEAD: 2.0}),
    ]
    assert len({trial.name for trial in trials}) == len({trial.key for trial in trials}) == 5


def test_what_cannot_be_sent_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run folder"):
        study_of(tmp_path)
    half = fabricate(tmp_path / "half")
    (half / ".run").mkdir()
    with pytest.raises(RunError, match="its run is not complete: send it when it is"):
        study_of(half)
    none = fabricate_sweep(tmp_path / "sweep", {HEAD: ["1"]}, missing=lambda *_: True)
    with pytest.raises(RunError, match="no trial of this sweep is done"):
        study_of(none)


def test_a_table_that_is_damaged_is_told_by_name(tmp_path: Path) -> None:
    sweep = fabricate_sweep(tmp_path / "sweep", {HEAD: ["1"]}, labels=("FL",), whole=True)
    (table,) = sweep.glob("trials/*/rounds.csv")
    whole = table.read_text()
    for damaged in (whole + "fl,FL\n", whole.replace("FL,0,1,", "FL,0,one,"), whole.replace("loss", "lost", 1), ""):
        table.write_text(damaged)
        (trial,) = study_of(sweep).trials
        with pytest.raises(RunError, match=r"rounds\.csv"):
            list(trial.curves())


def test_settings_are_flattened_under_the_keys_of_set() -> None:
    nested = {
        "algorithms": [{"name": "fedavg", "label": "a"}, {"name": "fedavg", "label": "b", "training": {"rounds": 2}}],
        "devices": [{"name": "pi", "count": 1}, {"name": "pi", "count": 2}],
        "seeds": [0, 1],
        "budget": None,
        "on": True,
        "compression": {},
    }
    assert flat(nested) == {
        "algorithms.a.name": "fedavg",
        "algorithms.b.name": "fedavg",
        "algorithms.b.training.rounds": 2,
        "devices.0.name": "pi",
        "devices.0.count": 1,
        "devices.1.name": "pi",
        "devices.1.count": 2,
        "seeds": "[0, 1]",
        "budget": "null",
        "on": True,
        "compression": "{}",
    }
