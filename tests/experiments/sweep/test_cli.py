"""`sfsim sweep`: one line of result, or one message and exit status 2."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from simulator.experiments.executors.local import Joblib
from simulator.experiments.executors.sequential import Sequential
from tests.helpers.commands import Sfsim
from tests.helpers.places import SCENARIOS
from tests.helpers.small_sweeps import Write


@pytest.fixture
def sweep(sfsim: Sfsim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sfsim:
    """`sfsim sweep sweep.yaml`, in the folder of the test."""
    monkeypatch.chdir(tmp_path)
    return partial(sfsim, "sweep", "sweep.yaml")


def test_a_sweep(sweep: Sfsim, write: Write, tmp_path: Path) -> None:
    write(axes={"training.batch_size": [4, 8]})
    status, out, err = sweep("--dry", "--workers", "1")
    assert (status, err) == (0, "")
    begun, done, *short, report, _, _, names, _, small, large, _ = out.splitlines()
    assert begun == "4 trials to run, 1 at once"
    assert done == "4 of 4 trials are done, 4 of them now: runs/small/points.csv"
    assert [line.partition(": ")[0] for line in short if line] == ["Which"]
    assert report == "Report: runs/small/report.html"
    assert (names.split(), small.split()[0], large.split()[0]) == (["batch_size", "FL", "SFL"], "4", "8")
    assert (tmp_path / "runs" / "small" / "points.csv").exists()
    drawn = Path("runs/small/report.html").stat().st_mtime_ns
    said = sweep("--dry", "--workers", "1")[1].splitlines()
    assert said[:-7] == ["4 of 4 trials are done, 0 of them now: runs/small/points.csv", *short, report]
    assert said[-7:] == out.splitlines()[-7:], "the table stays"
    assert Path("runs/small/report.html").stat().st_mtime_ns == drawn, "nothing is drawn again"
    write(axes={"training.batch_size": [8]})
    assert "2 of 2 trials are done, 0 of them now" in sweep("--dry", "--workers", "1")[1]
    assert Path("runs/small/report.html").stat().st_mtime_ns > drawn, "it shows other points than before"


def test_dry_trials_run_on_all_cores_whatever_their_threads(
    sweep: Sfsim, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda: 2)
    monkeypatch.setattr(Joblib, "map", Sequential.map)  # how many there would be is asked here, not what they do
    monkeypatch.setattr("simulator.experiments.executors.local.available_memory", lambda: 10**10)
    write(axes={"training.batch_size": [4, 8]}, set={"threads": 2})
    assert sweep("--dry")[1].startswith("4 trials to run, 2 at once\n")


def test_a_failure_is_status_2_unless_the_sweep_is_to_go_on(sweep: Sfsim, write: Write) -> None:
    write(axes={"world.devices.*.memory": ["4 GiB", "1 kB"]})
    status, out, err = sweep("--dry", "--workers", "1")
    assert (status, err) == (2, "sfsim: 2 of 4 trials failed: the same command tries them again\n")
    assert "Failed: point 1 (world.devices.*.memory=1 kB), FL, seed 0: " in out
    status, out, err = sweep("--dry", "--workers", "1", "--keep-going")
    assert (status, err) == (0, "")
    assert "2 of 4 trials are done, 0 of them now" in out


def test_points_are_validated_without_a_run(write: Write, sfsim: Sfsim, tmp_path: Path) -> None:
    file = write(axes={"training.batch_size": [4, 8]}, seeds=[0, 1])
    said = f"{file} is a valid sweep: 2 points, 8 trials (FL, SFL)\n"
    assert sfsim("validate", file) == (0, said, "")
    status, out, err = sfsim("validate", write(axes={"training.batch_size": [4, 0]}))
    assert (status, out, err.splitlines()[0]) == (2, "", "sfsim: 2 of 4 trials are not valid:")
    assert not list(tmp_path.glob("runs"))


@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_file_of_another_kind_is_told_by_its_kind(command: str, write: Write, sfsim: Sfsim) -> None:
    file = write(axes={"training.batch_size": [4, 8]})
    base = file.parent / "tiny.yaml"
    told = f"sfsim: {file} is a sweep, not a scenario: `sfsim sweep` takes it\n"
    assert sfsim(command, file) == (2, "", told)
    hint = "say what to vary, such as --axis training.rounds=5,10; as it is, `sfsim run` takes it"
    assert sfsim("sweep", base) == (2, "", f"sfsim: {base} is a scenario, not a sweep: {hint}\n")
    recipe = SCENARIOS / "pretrain" / "tiny-imagenet-32.yaml"
    told = f"sfsim: {recipe} is a recipe of pre-training, not a scenario: `sfsim pretrain` takes it\n"
    assert sfsim(command, recipe) == (2, "", told)


def test_a_scenario_is_swept_without_a_file(sfsim: Sfsim, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write().parent)
    axis = "world.devices.raspberry-pi-4.uplink.rate={times: [0.2, 1]}"
    status, out, err = sfsim("sweep", "tiny.yaml", "--axis", axis, "--dry", "--workers", "1")
    assert (status, err) == (0, "")
    assert "4 of 4 trials are done, 4 of them now: runs/tiny-raspberry-pi-4.uplink.rate/points.csv" in out
    heading, slow, same = (line.split() for line in out.splitlines()[-5:] if line.strip(" ─"))
    assert (heading, slow[0], same[0]) == (["rate", "FL", "SFL"], "×0.2", "×1")


@pytest.mark.parametrize(
    ("axis", "problem"),
    [
        ("data.name={times: [1, 2]}", 'data.name is "synthetic" in the scenario, and times changes only numbers'),
        (
            "world.devices.raspberry-pi-5.count=1,2",
            'world.devices has no "raspberry-pi-5"; did you mean "raspberry-pi-4"? '
            "(allowed: raspberry-pi-4, jetson-nano, 0 to 1, or * for all)",
        ),
    ],
)
def test_an_axis_that_is_wrong_is_one_message(axis: str, problem: str, sfsim: Sfsim, write: Write) -> None:
    file = write().parent / "tiny.yaml"
    key = axis.partition("=")[0]
    told = f"sfsim: {file}, --axis {axis}: axes.{key}: {problem}\n"
    assert sfsim("sweep", file, "--axis", axis, "--dry") == (2, "", told)


def test_a_wrong_file_is_refused(sweep: Sfsim, write: Write, tmp_path: Path) -> None:
    write(axes={"training.batch_size": []})
    assert sweep() == (
        2,
        "",
        "sfsim: sweep.yaml, line 4: axes.training.batch_size is []: the axis is empty: give it at least one value\n",
    )
    assert not (tmp_path / "runs").exists()


def test_an_interrupted_sweep_says_how_to_go_on(
    sweep: Sfsim, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from simulator.experiments.sweep import run as running

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    write(axes={"training.batch_size": [8]})
    monkeypatch.setattr(running, "outcome_of", interrupted)
    status, _, err = sweep("--dry", "--workers", "1")
    kept = "finished trials are kept in runs/small: run the same command to continue"
    assert (status, err) == (130, f"sfsim: stopped; {kept}\n")
    assert "missing" in (tmp_path / "runs" / "small" / "points.csv").read_text()
    assert list((tmp_path / "runs" / "small" / "trials").iterdir()) == []


def test_one_that_is_interrupted_before_its_first_trial_says_so(
    sweep: Sfsim, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from simulator.experiments.sweep import points

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    write(axes={"training.batch_size": [8]})
    monkeypatch.setattr(points, "plan", interrupted)
    assert sweep("--dry") == (130, "", "sfsim: stopped; nothing was written\n")
    assert not (tmp_path / "runs").exists()
