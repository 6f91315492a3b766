"""What a run leaves in its folder: names, columns, sums, and nothing at all where it fails."""

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyarrow import parquet

from simulator import results, running, trial
from simulator.learning.optimizers import Sgd
from simulator.results import FolderTakenError, free_folder, staged, summarise
from simulator.running import run_scenario
from simulator.scenario import Scenario, load
from tests.learning.conftest import _nothing_remembered  # noqa: F401  (a fixture)
from tests.test_trial import _a_small_model, scenario  # noqa: F401  (a fixture)

SUMMARY = [
    "algorithm",
    "label",
    "seed",
    "rounds",
    "final_accuracy",
    "best_accuracy",
    "final_loss",
    "sim_time_s",
    "time_to_target_s",
    "bytes_up",
    "bytes_down",
    "bytes_provisioning",
    "client_flops",
    "server_flops",
    "client_energy_j",
    "client_active_energy_j",
    "server_energy_j",
    "peak_client_memory_bytes",
    "peak_server_memory_bytes",
    "devices_too_small",
    "trainable_parameters",
    "wall_time_s",
]
ROUNDS = (
    "algorithm,label,seed,round,sim_time_s,accuracy,loss,bytes_up,bytes_down,client_flops,server_flops,"
    "client_energy_j,server_energy_j"
)
WORKS = "site,client,work,phase,round,asked,start,seconds,flops,bytes_touched"
TRANSFERS = "source,target,client,kind,phase,round,start,seconds,bytes,lost"
FIGURES = ("accuracy_vs_time", "accuracy_vs_bytes", "accuracy_vs_energy", "where_it_goes", "round_timeline")
LABELS = ["fl-linear", "v2", "sfp"]


@pytest.fixture(scope="module", params=[False, True], ids=["real", "dry"])
def left(
    request: pytest.FixtureRequest,
    _a_small_model: None,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, bool]:
    """A run folder of three algorithms and two seeds."""
    place = tmp_path_factory.mktemp("run")
    small = scenario(place, LABELS, seeds=[0, 3], target_accuracy=0.0)
    if not request.param:
        return run_scenario(small, out=place / "out"), False
    with pytest.MonkeyPatch.context() as patch:  # pictures take longer than the run, and are the same files
        patch.setattr("analysis.write_figures", lambda folder: [])
        patch.setattr("analysis.write_report", lambda folder, figures: None)
        return run_scenario(small, out=place / "out", dry=True), True


def trials(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "summary.json").read_text())["trials"]


def test_the_names_of_everything(left: tuple[Path, bool]) -> None:
    folder, dry = left
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    ledgers = {f"ledger/{label}-{seed}/{name}.parquet" for label in LABELS for seed in (0, 3) for name in TABLES}
    files = {"summary.json", "rounds.csv", "breakdown.csv", "scenario.yaml", "environment.json"}
    pictures = set() if dry else {"report.html", *(f"figures/{name}.png" for name in FIGURES)}
    assert files | ledgers | pictures <= names
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []
    assert oct(folder.stat().st_mode & 0o777) == "0o755"


TABLES = ("works", "transfers", "engagements", "absences", "rounds")


def test_summary(left: tuple[Path, bool]) -> None:
    folder, dry = left
    whole = json.loads((folder / "summary.json").read_text())
    assert list(whole) == ["scenario", "version", "dry", "trials"]
    assert (whole["scenario"], whole["dry"]) == ("small", dry)
    assert [(one["label"], one["seed"]) for one in whole["trials"]] == [
        (label, seed) for label in LABELS for seed in (0, 3)
    ]
    for one in whole["trials"]:
        assert list(one) == SUMMARY
        learned = [one[key] for key in ("final_accuracy", "best_accuracy", "final_loss", "time_to_target_s")]
        assert [value is None for value in learned] == [dry] * 4
        assert one["rounds"] == 2
        if not dry:
            assert 0 <= one["final_accuracy"] <= one["best_accuracy"] <= 1
            assert one["time_to_target_s"] == 0, "round 0 is there already"
        assert one["client_active_energy_j"] <= one["client_energy_j"]
        assert one["bytes_provisioning"] < one["bytes_down"]


def test_rounds(left: tuple[Path, bool]) -> None:
    folder, dry = left
    assert (folder / "rounds.csv").read_text().splitlines()[0] == ROUNDS
    rounds = pd.read_csv(folder / "rounds.csv")
    totals = ROUNDS.split(",")[7:]
    for one in trials(folder):
        rows = rounds[(rounds["label"] == one["label"]) & (rounds["seed"] == one["seed"])]
        assert rows["round"].tolist() == [0, 1, 2]
        first, last = rows.iloc[0], rows.iloc[-1]
        assert (first[totals] == 0).all()
        assert first["sim_time_s"] == 0
        assert (rows[["sim_time_s", *totals]].diff().iloc[1:] >= 0).all(axis=None)
        for key in (*totals, "sim_time_s"):
            assert last[key] == pytest.approx(one[key], rel=1e-9)
        assert rows["accuracy"].isna().all() == dry
        if not dry:
            assert last["accuracy"] == pytest.approx(one["final_accuracy"])
            assert last["loss"] == pytest.approx(one["final_loss"])


def test_breakdown_adds_up_to_the_summary(left: tuple[Path, bool]) -> None:
    folder, _ = left
    parts = pd.read_csv(folder / "breakdown.csv")
    for one in trials(folder):
        rows = parts[(parts["label"] == one["label"]) & (parts["seed"] == one["seed"])]
        client, server = rows[rows["side"] == "client"], rows[rows["side"] == "server"]
        assert client[client["activity"] == "upload"]["bytes"].sum() == one["bytes_up"]
        assert client[client["activity"] == "download"]["bytes"].sum() == one["bytes_down"]
        provisioned = client[(client["phase"] == "provisioning") & (client["activity"] == "download")]
        assert provisioned["bytes"].sum() == one["bytes_provisioning"]
        assert client["flops"].sum() == one["client_flops"]
        assert server["flops"].sum() == one["server_flops"]
        assert client["energy_j"].sum() == pytest.approx(one["client_energy_j"], rel=1e-9)
        assert server["energy_j"].sum() == pytest.approx(one["server_energy_j"], rel=1e-9)


def test_ledger_files_add_up_to_the_summary(left: tuple[Path, bool]) -> None:
    folder, _ = left
    for one in trials(folder):
        place = folder / "ledger" / f"{one['label']}-{one['seed']}"
        works, transfers = (parquet.read_table(place / f"{name}.parquet") for name in ("works", "transfers"))
        assert works.column_names == WORKS.split(",")
        assert transfers.column_names[: len(TRANSFERS.split(","))] == TRANSFERS.split(",")
        used, sent = works.to_pandas(), transfers.to_pandas()
        assert sent[sent["target"] == "server"]["bytes"].sum() == one["bytes_up"]
        assert sent[sent["source"] == "server"]["bytes"].sum() == one["bytes_down"]
        assert used[used["site"] != "server"]["flops"].sum() == one["client_flops"]
        assert used[used["site"] == "server"]["flops"].sum() == one["server_flops"]
        assert (used["start"] >= used["asked"]).all()
        last = parquet.read_table(place / "rounds.parquet").to_pandas().iloc[-1]
        assert last["start"] + last["seconds"] == pytest.approx(one["sim_time_s"])


def test_the_resolved_scenario_is_a_scenario_that_is_equal(left: tuple[Path, bool]) -> None:
    folder, _ = left
    original, resolved = load(folder.parent / "small.yaml"), load(folder / "scenario.yaml")
    assert resolved == original


def test_environment(left: tuple[Path, bool]) -> None:
    folder, dry = left
    found = json.loads((folder / "environment.json").read_text())
    assert found["threads"] == 1
    assert found["torch_device"] == ("meta" if dry else trial.torch_device(load(folder / "scenario.yaml"), False))
    assert {"torch", "timm", "simpy", "numpy"} <= set(found["packages"])


def test_the_report_needs_nothing_else(left: tuple[Path, bool]) -> None:
    folder, dry = left
    if dry:
        return
    text = (folder / "report.html").read_text()
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert 'src="figures' not in text
    assert all(label in text for label in LABELS)


def test_time_to_target_is_the_clock_of_the_first_evaluation_there(tmp_path: Path) -> None:
    small = scenario(tmp_path, ["fl"], training={"rounds": 3})
    outcome = trial.run(small, small.algorithms[0], 0)
    scores = [point.score.accuracy for point in outcome.points if point.score]
    target = max(scores)
    first = scores.index(target)
    assert summarise(outcome, target)["time_to_target_s"] == outcome.points[first].sim_time_s
    assert summarise(outcome, 1.0)["time_to_target_s"] is None
    assert summarise(outcome, None)["time_to_target_s"] is None


# Folders.


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    """Without the pictures: they take longer than the run."""
    monkeypatch.setattr("analysis.write_figures", lambda folder: [])
    monkeypatch.setattr("analysis.write_report", lambda folder, figures: None)
    return scenario(tmp_path, ["fl-linear"])


def test_the_default_folder_has_the_first_free_number(
    small: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_scenario(small, dry=True) == Path("runs/small-1")
    (tmp_path / "runs" / "small-2").mkdir()
    assert run_scenario(small, dry=True) == Path("runs/small-3")
    assert (tmp_path / "runs" / "small-3" / "summary.json").exists()


def test_a_number_is_not_given_twice_while_a_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with staged(free_folder("small"), force=False) as one, staged(free_folder("small"), force=False) as two:
        for partial in (one, two):
            (partial / "summary.json").write_text("{}")
    assert sorted(os.listdir("runs")) == ["small-1", "small-2"]


def test_a_folder_that_fills_up_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    wanted = tmp_path / "out"

    def write() -> None:
        with staged(wanted, force=False):
            wanted.mkdir()
            (wanted / "precious").write_text("data")

    with pytest.raises(FolderTakenError):
        write()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (wanted / "precious").read_text() == "data"


def test_an_empty_folder_may_be_used_and_a_full_one_only_by_force(small: Scenario, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "out"
    folder.mkdir(parents=True)
    assert run_scenario(small, dry=True, out=folder) == folder
    before = sorted(folder.rglob("*"))
    (folder / "older").write_text("x")
    with pytest.raises(FolderTakenError):
        run_scenario(small, dry=True, out=folder)
    run_scenario(small, dry=True, out=folder, force=True)
    assert sorted(folder.rglob("*")) == before


def test_what_is_no_run_is_left_alone_by_force(small: Scenario, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    (folder / "sub").mkdir(parents=True)
    (folder / "precious").write_text("data")
    run_scenario(small, dry=True, out=folder, force=True)
    assert (folder / "precious").read_text() == "data"
    assert (folder / "sub").is_dir()
    assert (folder / "summary.json").exists()


def test_a_file_of_a_name_that_a_run_needs_is_not_overwritten(small: Scenario, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "scenario.yaml").write_text("mine")
    with pytest.raises(FolderTakenError, match=r"scenario\.yaml"):
        run_scenario(small, dry=True, out=folder, force=True)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert (folder / "scenario.yaml").read_text() == "mine"


def test_the_folder_one_stands_in_keeps_what_it_has(
    small: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "notes").write_text("mine")
    monkeypatch.chdir(here)
    run_scenario(small, dry=True, out=Path("."), force=True)
    assert (here / "notes").read_text() == "mine"
    assert Path("summary.json").exists()


def test_a_link_to_a_run_is_replaced_where_it_points(small: Scenario, tmp_path: Path) -> None:
    run_scenario(small, dry=True, out=tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    run_scenario(small, dry=True, out=tmp_path / "link", force=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "summary.json").exists()


def test_a_diverged_trial_has_no_loss_and_no_lucky_accuracy(small: Scenario) -> None:
    entry = small.algorithms[0]
    training = entry.training.model_copy(update={"optimizer": Sgd(learning_rate=3e38)})
    figures = summarise(trial.run(small, entry.model_copy(update={"training": training}), 0), None)
    assert figures["final_loss"] is None
    assert figures["final_accuracy"] == 0
    json.dumps(figures, allow_nan=False)


def test_a_file_in_the_way_stays(small: Scenario, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    for force in (False, True):
        with pytest.raises(FolderTakenError):
            run_scenario(small, dry=True, out=tmp_path / "out", force=force)
    assert (tmp_path / "out").read_text() == "mine"


class BrokenError(Exception):
    pass


@pytest.mark.parametrize("where", ["trial", "write", "report"])
@pytest.mark.parametrize("error", [BrokenError("x"), KeyboardInterrupt()], ids=["failure", "Ctrl-C"])
def test_nothing_is_left_after_a_failure_in_the_middle(
    where: str, error: BaseException, small: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    if where == "trial":
        monkeypatch.setattr(running, "fitted", fail)
    elif where == "write":
        monkeypatch.setattr(results, "environment", fail)
    else:
        monkeypatch.setattr("analysis.write_report", fail)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(type(error)):
        run_scenario(small, dry=True, out=tmp_path / "a" / "b" / "out")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_failure_leaves_an_earlier_run_as_it_was(
    small: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_scenario(small, dry=True, out=tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}

    def fail(*_: Any) -> None:
        raise BrokenError

    monkeypatch.setattr("analysis.write_report", fail)
    with pytest.raises(BrokenError):
        run_scenario(small, dry=True, out=folder, force=True)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_failure_beside_another_run_tells_of_the_failure(tmp_path: Path) -> None:
    """Both made the folder above; it is not empty when the first comes to take it away."""

    def write() -> None:
        with staged(tmp_path / "runs" / "one", force=False):
            (tmp_path / "runs" / "other").mkdir()
            raise BrokenError

    with pytest.raises(BrokenError):
        write()
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["other"]
