"""MLflow: what its client reads back from a local store is what the folder has, to the last digit."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

import pandas as pd
import pytest

from analysis.trackers import is_installed, track
from analysis.trackers import mlflow as module
from analysis.trackers.base import quietly
from analysis.trackers.flat import flat
from analysis.trackers.study import study_of
from tests.helpers.sweep_folders import HEAD, UPLINK

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # of the packages that MLflow uses
    pytest.mark.skipif(
        not all(map(is_installed, ("mlflow", "sqlalchemy", "alembic"))), reason="the extra mlflow is not installed"
    ),
]


def client(folder: Path) -> Any:
    """Return a client of the store beside a run."""
    with quietly("mlflow", MLFLOW_LOGGING_LEVEL="ERROR"):
        from mlflow import MlflowClient

        return MlflowClient(f"sqlite:///{folder.parent / 'mlruns' / 'mlflow.db'}")


def runs(folder: Path, name: str = "tracked") -> dict[str, Any]:
    """Return the runs of an experiment by their names."""
    store = client(folder)
    experiment = store.get_experiment_by_name(name).experiment_id
    return {run.info.run_name: run for run in store.search_runs([experiment])}


@pytest.fixture(scope="module")
def sent(run_folder: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(run_folder.parent.parent)
        line = track(run_folder.relative_to(run_folder.parent.parent), "mlflow")
    store = run_folder.relative_to(run_folder.parent.parent).parent / "mlruns" / "mlflow.db"
    assert line == f"MLflow: mlflow ui --backend-store-uri sqlite:///{store}"
    gc.collect()  # what is left open would be told now, in this test
    return run_folder


@pytest.mark.parametrize(
    ("key", "column", "across"),
    [
        ("accuracy/over rounds", "accuracy", ["round"]),
        ("accuracy/over bytes", "accuracy", ["bytes_up", "bytes_down"]),
        ("loss/over energy", "loss", ["client_energy_j"]),
        ("loss/over time", "loss", ["sim_time_s"]),
        ("totals/client_energy_j", "client_energy_j", ["round"]),
    ],
)
def test_curves_are_those_of_the_table(sent: Path, key: str, column: str, across: list[str]) -> None:
    rounds = pd.read_csv(sent / "rounds.csv").query("label == 'SFPrompt' and seed == 1")
    run = runs(sent)["mine SFPrompt-1"]
    history = client(sent).get_metric_history(run.info.run_id, key)
    assert [metric.value for metric in history] == rounds[column].tolist()
    assert [metric.step for metric in history] == [round(place) for place in rounds[across].sum(axis=1)]
    moments = [metric.timestamp - run.info.start_time for metric in history]
    assert moments == [round(1000 * seconds) for seconds in rounds["sim_time_s"]]


def test_figures_settings_and_tags_of_a_trial(sent: Path) -> None:
    trial = study_of(sent).trials[0]
    run = runs(sent)["mine FL-0"]
    assert {key: run.data.metrics[key] for key in trial.figures} == trial.figures
    assert run.data.params == {key: str(value) for key, value in trial.settings.items()}
    assert {key: run.data.tags[f"sfsim.{key}"] for key in ("scenario", "dry", "version", "label")} == {
        "scenario": "tracked", "dry": "no", "version": "0.1.0", "label": "FL"
    }  # fmt: skip
    assert run.data.tags["mlflow.parentRunId"] == runs(sent)["mine"].info.run_id


def test_the_files_are_with_the_run_that_holds_the_trials(sent: Path) -> None:
    files = Path(url2pathname(urlparse(runs(sent)["mine"].info.artifact_uri).path))
    paths = {path.relative_to(files).as_posix() for path in files.rglob("*")}
    assert {"scenario.yaml", "report.html", "figures/where_it_goes.png", "tables/rounds.csv"} <= paths
    stored = list((sent.parent / "mlruns").rglob("scenario.yaml"))
    assert [path.read_bytes() for path in stored] == [(sent / "scenario.yaml").read_bytes()]


def test_what_is_there_is_not_sent_again_and_what_was_interrupted_is(
    sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {name: run.info.run_id for name, run in runs(sent).items()}
    store = client(sent)
    half = before["mine FL-1"]
    store.update_run(half, status="RUNNING")
    track(sent, "mlflow")
    after = {name: run.info.run_id for name, run in runs(sent).items()}
    assert {name for name in before if before[name] != after[name]} == {"mine FL-1"}
    assert len(runs(sent)) == len(before) == 5


def test_a_sweep_has_a_run_for_each_trial_under_one(sweep_folder: Path) -> None:
    track(sweep_folder, "mlflow")
    found = runs(sweep_folder, "made up")
    assert len(found) == 6
    parent = found.pop("links")
    assert parent.data.params == {key: str(value) for key, value in flat({"name": "made up"}).items()}
    assert {run.data.tags["mlflow.parentRunId"] for run in found.values()} == {parent.info.run_id}
    params = found["0003-SFPrompt-0"].data.params
    keys = [key.replace("*", "_") for key in (UPLINK, HEAD)]
    assert [params[key] for key in (*keys, "label")] == ["2000000.0", "2.0", "SFPrompt"]


def test_a_store_of_ones_own_is_used(run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database that a variable names; its client is asked, and no folder is made beside the run."""
    asked = []

    class StopError(Exception):
        pass

    def experiment(client: Any, name: str, artifacts: str | None) -> str:
        asked.append((client.tracking_uri, name, artifacts))
        raise StopError

    monkeypatch.setattr(module, "_experiment", experiment)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(StopError):
        track(run_folder, "mlflow")
    assert asked == [("http://127.0.0.1:9", "tracked", None)]
