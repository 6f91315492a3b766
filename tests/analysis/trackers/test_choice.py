"""The choice of trackers, and the commands: what is refused before anything runs, and what a failure costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

import analysis.trackers
import simulator as sf
from analysis.trackers import TRACKERS, TrackerError, chosen, is_installed
from tests.helpers.commands import Sfsim
from tests.helpers.places import ROOT
from tests.helpers.small_sweeps import SCENARIO

NAMES = ["mlflow", "tensorboard", "wandb"]


@pytest.fixture
def scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("analysis.write_figures", lambda folder: [])
    monkeypatch.setattr("analysis.write_report", lambda folder, figures: None)
    monkeypatch.setattr("analysis.trackers.is_installed", lambda package: True)
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(SCENARIO)
    return Path("tiny.yaml")


def fails(folder: Path, name: str) -> NoReturn:
    raise ConnectionError("the server is away\nand more")


def test_all_trackers_are_found() -> None:
    assert TRACKERS.names() == NAMES


def test_no_package_is_imported_unless_it_is_used() -> None:
    """Nor for a tracker that is chosen, nor for a run that is finished."""
    code = (
        "import sys, simulator.cli.entry, simulator.experiments.run.tracking, analysis.trackers as trackers\n"
        f"trackers.chosen([name for name in {NAMES} if trackers.is_installed(name)][:1])\n"
        f"print(*(set({NAMES}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tensorbord", 'there is no tracker named "tensorbord"; did you mean "tensorboard"?'),
        ("x", 'there is no tracker named "x" (allowed: mlflow, tensorboard, wandb)'),
    ],
)
def test_a_tracker_that_does_not_exist_is_refused(name: str, message: str) -> None:
    with pytest.raises(TrackerError) as error:
        chosen([name])
    assert str(error.value) == message


def test_a_package_that_is_missing_is_told_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr("analysis.trackers.is_installed", lambda package: package == "mlflow")
    with pytest.raises(TrackerError) as error:
        chosen(["wandb"])
    assert str(error.value) == "wandb needs a package that is not installed (wandb): pip install 'sfsim[wandb]'"
    with pytest.raises(TrackerError, match=r"\(sqlalchemy, alembic\): pip install 'sfsim\[mlflow\]'"):
        chosen(["mlflow"])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracker")
    assert len(chosen(["mlflow", "mlflow"])) == 1


def test_a_folder_that_a_tracker_left_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "left_behind").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert not is_installed("left_behind")
    assert is_installed("json")


@pytest.mark.parametrize("command", ["run", "sweep"])
def test_a_tracker_that_cannot_be_used_stops_a_command_before_it_begins(
    command: str, scenario: Path, sfsim: Sfsim
) -> None:
    status, out, err = sfsim(command, scenario, "--dry", "--track", "wandbb")
    assert (status, out) == (2, "")
    assert err == 'sfsim: there is no tracker named "wandbb"; did you mean "wandb"?\n'
    assert not Path("runs").exists()


def test_a_run_is_sent_when_it_is_done(scenario: Path, sfsim: Sfsim, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []

    def sends(folder: Path, name: str) -> str:
        assert (folder / "summary.json").is_file()
        sent.append(name)
        return f"{name}: look there"

    monkeypatch.setattr(analysis.trackers, "track", sends)
    status, out, err = sfsim("run", scenario, "--dry", "--track", "wandb", "--track", "mlflow")
    assert (status, err, sent) == (0, "", ["wandb", "mlflow"])
    assert out.splitlines()[-2:] == ["wandb: look there", "mlflow: look there"]


def test_python_sends_runs_with_a_folder_of_their_own(scenario: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis.trackers, "track", lambda folder, name: f"{name} has {folder}")
    result = sf.run(scenario, dry=True, out="mine", track=["mlflow"], progress=False)
    assert result.notes[-1] == "mlflow has mine"
    with pytest.raises(TypeError, match="track with out only"):
        sf.run(scenario, dry=True, track=["mlflow"])
    with pytest.raises(TrackerError, match='did you mean "mlflow"'):
        sf.run(scenario, dry=True, out="other", track=["mlflo"])
    assert not Path("other").exists()


@pytest.mark.parametrize(
    ("command", "more", "folder"),
    [("run", (), "runs/tiny-1"), ("sweep", ("--axis", "training.rounds=1,2", "--workers", "1"), "runs/tiny-rounds")],
)
def test_a_tracker_that_fails_costs_one_line(
    command: str, more: tuple[str, ...], folder: str, scenario: Path, sfsim: Sfsim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analysis.trackers, "track", fails)
    monkeypatch.setattr("analysis.write_sweep_figures", lambda sweep: [])
    monkeypatch.setattr("analysis.write_sweep_report", lambda sweep, figures: None)
    status, out, err = sfsim(command, scenario, "--dry", "--track", "mlflow", *more)
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == (
        "The results are complete, but mlflow has not got them (ConnectionError: the server is away). "
        f"Try again with: sfsim track {folder} --to mlflow"
    )
    assert (Path(folder) / "environment.json").is_file()


def test_sending_later_is_a_command_that_fails_with_one_message(
    run_folder: Path, tmp_path: Path, sfsim: Sfsim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.trackers.is_installed", lambda package: True)
    status, _, err = sfsim("track", tmp_path, "--to", "mlflow")
    assert status == 2
    assert err.startswith(f"sfsim: {tmp_path}: not a run folder")
    monkeypatch.setattr(analysis.trackers, "track", fails)
    expected = f"sfsim: mlflow has not got {run_folder}: ConnectionError: the server is away\n"
    assert sfsim("track", run_folder, "--to", "mlflow") == (2, "", expected)
    monkeypatch.setattr(analysis.trackers, "track", lambda folder, name: f"{name} has it")
    assert sfsim("track", run_folder, "--to", "mlflow", "--to", "wandb") == (0, "mlflow has it\nwandb has it\n", "")
