"""Run folders are read as they were written, and what is no run is refused in words."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from analysis import RunError, load_run, load_sweep
from analysis.reading import read_csv
from tests.helpers.run_folders import fabricate
from tests.helpers.sweep_folders import BATCH, HEAD, UPLINK, fabricate_sweep


def test_a_run_is_read_with_its_types(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path, seeds=(0, 1), rounds=2))
    assert (run.name, run.dry, run.target_accuracy, run.version) == ("made up", False, 0.8, "0.1.0")
    assert run.labels == ["FL", "SFPrompt"]
    assert run.seeds("FL") == [0, 1]
    assert len(run.summary) == 4
    assert list(run.rounds["round"]) == [0, 1, 2] * 4
    assert run.rounds["accuracy"].dtype == run.breakdown["energy_j"].dtype == "float64"
    assert run.environment["packages"] == {"torch": "2.6"}
    assert "target_accuracy: 0.8" in run.scenario_text


def test_the_ledger_is_read_when_asked_for(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path, labels=("SFL+FF",), algorithms=("splitfed",), rounds=2))
    works, transfers = run.works("SFL+FF", 0), run.transfers("SFL+FF", 0)
    assert set(works["round"]) == {1, 2}
    assert works["start"].is_monotonic_increasing
    assert set(run.works("SFL+FF", 0, round=2)["round"]) == {2}
    assert transfers["bytes"].sum() == run.summary[["bytes_up", "bytes_down"]].sum(axis=1).item()
    assert run.transfers("SFL+FF", 0, phase="provisioning").empty


def test_what_earlier_versions_did_not_write_is_read_as_missing_or_as_nothing(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path, labels=("FL",)))
    assert run.summary[["updates", "wasted_energy_j", "mean_staleness"]].isna().all(axis=None)
    assert run.rounds["updates"].isna().all()
    assert run.waste.empty
    assert run.attempts("FL", 0).empty
    assert set(run.works("FL", 0)["reason"]) == set(run.transfers("FL", 0)["reason"]) == {""}
    assert not run.works("FL", 0)["lost"].any()
    with pytest.raises(RunError, match="no trial 'FL' with seed 7"):
        run.attempts("FL", 7)


@pytest.mark.parametrize("label", ["NA", "1", "null", "a <b>", "01"])
def test_a_label_stays_the_word_it_is(tmp_path: Path, label: str) -> None:
    run = load_run(fabricate(tmp_path, labels=(label,), rounds=1))
    assert run.labels == [label]
    assert set(run.rounds["label"]) == set(run.breakdown["label"]) == {label}
    assert not run.works(label, 0).empty


def test_numbers_are_read_to_the_last_digit(tmp_path: Path) -> None:
    """As they are by default from pandas 3.1 on."""
    chosen = random.Random(0)
    numbers = [chosen.random() * 10 ** chosen.randint(-9, 9) for _ in range(1000)]
    (tmp_path / "x.csv").write_text("x\n" + "".join(f"{number!r}\n" for number in numbers))
    assert read_csv(tmp_path / "x.csv", ("x",))["x"].tolist() == numbers


def test_a_dry_run_has_no_accuracy(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path, dry=True))
    assert run.dry
    assert run.summary["final_accuracy"].isna().all()
    assert run.rounds["accuracy"].isna().all()
    assert (run.summary["sim_time_s"] > 0).all()


def test_a_missing_folder_and_a_folder_without_a_run_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such folder"):
        load_run(tmp_path / "nowhere")
    with pytest.raises(RunError, match=r"not a run folder.*summary\.json"):
        load_run(tmp_path)


@pytest.mark.parametrize("name", ["rounds.csv", "breakdown.csv", "scenario.yaml", "environment.json"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    (fabricate(tmp_path, rounds=1) / name).unlink()
    with pytest.raises(RunError, match=f"{name}.*missing"):
        load_run(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("summary.json", "{", "JSON"),
        ("summary.json", "[]", "mapping of keys"),
        ("summary.json", '{"trials": []}', "at least one trial"),
        ("summary.json", '{"trials": [{"label": "FL"}]}', "lacks algorithm, seed"),
        ("rounds.csv", "", "CSV"),
        ("rounds.csv", "algorithm,label\nfedavg,FL\n", "lacks seed, round"),
        ("scenario.yaml", "name: [", "YAML"),
        ("scenario.yaml", "- 1\n", "mapping"),
        ("environment.json", "nonsense", "JSON"),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong(tmp_path: Path, name: str, content: str, says: str) -> None:
    (fabricate(tmp_path, rounds=1) / name).write_text(content)
    with pytest.raises(RunError, match=f"{name}.*{says}"):
        load_run(tmp_path)


def test_words_where_numbers_belong_are_refused(tmp_path: Path) -> None:
    path = fabricate(tmp_path, rounds=1) / "rounds.csv"
    path.write_text(path.read_text().replace("fedavg,FL,0,1,", "fedavg,FL,0,one,"))
    with pytest.raises(RunError, match=r"rounds\.csv: column 'round'"):
        load_run(tmp_path)


def test_the_same_trial_twice_is_refused(tmp_path: Path) -> None:
    path = fabricate(tmp_path, rounds=1) / "summary.json"
    head = json.loads(path.read_text())
    path.write_text(json.dumps(head | {"trials": head["trials"] * 2}))
    with pytest.raises(RunError, match="twice"):
        load_run(tmp_path)


def test_a_broken_or_missing_ledger_is_named(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path, rounds=1))
    (tmp_path / "ledger" / "FL-0" / "works.parquet").write_bytes(b"PAR1 and then nothing of the kind PAR1")
    (tmp_path / "ledger" / "FL-0" / "transfers.parquet").unlink()
    with pytest.raises(RunError, match=r"works\.parquet: cannot be read as Parquet"):
        run.works("FL", 0)
    with pytest.raises(RunError, match=r"transfers\.parquet.*missing"):
        run.transfers("FL", 0)
    with pytest.raises(RunError, match=r"no trial 'FL' with seed 7; there are: FL \(seed 0\), SFPrompt \(seed 0\)"):
        run.works("FL", 7)


def test_a_trial_is_called_by_what_matters_to_it(tmp_path: Path) -> None:
    axes = {UPLINK: ["1 Mbit/s", "4 Mbit/s"], HEAD: ["1", "2"], BATCH: ["8"]}
    sweep = load_sweep(fabricate_sweep(tmp_path / "one", axes, whole=True))
    names = {sweep.run(trial).name for trial in sweep.summary["trial"]}
    places = [f"rate {rate}" for rate in axes[UPLINK]]
    wanted = {f"FL, {rate}" for rate in places} | {f"SFPrompt, {rate}, head {head}" for rate in places for head in "12"}
    assert names == {f"made up, {name}" for name in wanted}
    sweep = load_sweep(fabricate_sweep(tmp_path / "two", {HEAD: ["1"]}, seeds=(0, 7), whole=True))
    assert [sweep.run(trial).name for trial in sweep.summary["trial"]] == [
        f"made up, {label}, seed {seed}" for label in ("FL", "SFPrompt") for seed in (0, 7)
    ]


@pytest.mark.parametrize("table", [None, "", "trial\n", "trial,point\nrun,1\n", b"\xff\xfe"])
def test_a_run_beside_a_table_of_something_else_keeps_its_name(tmp_path: Path, table: str | bytes | None) -> None:
    folder = fabricate(tmp_path / "trials" / "run", rounds=1)
    if table is not None:
        (tmp_path / "points.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    assert load_run(folder).name == "made up"
