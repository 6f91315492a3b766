"""A run that was interrupted goes on, and ends with the digits of one that was not."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from analysis import load_run
from simulator.experiments.run import trials
from simulator.experiments.run.folders import CompleteError, FolderTakenError, unfinished_folder
from simulator.experiments.run.manifest import check_manifest
from simulator.experiments.run.run import run_scenario
from simulator.scenario.scenario import Scenario
from simulator.settings.errors import ScenarioError
from tests.helpers.folder_contents import content
from tests.helpers.small_trials import scenario

pytestmark = pytest.mark.usefixtures("small_model")


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    """Two algorithms and two seeds, without the pictures."""
    monkeypatch.setattr("analysis.write_report", lambda folder: None)
    return scenario(tmp_path, ["fl-linear", "v1-linear"], seeds=[0, 1])


def interrupt(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Press Ctrl-C when so many trials are done."""
    run, calls = trials.run_trial, []

    def stop(*args: Any, **keywords: Any) -> Any:
        calls.append(None)
        if len(calls) > after:
            raise KeyboardInterrupt
        return run(*args, **keywords)

    monkeypatch.setattr(trials, "run_trial", stop)


@pytest.mark.parametrize("done", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_it_ends_with_the_digits_of_an_undisturbed_run(
    done: int, two: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, out = run_scenario(two, out=tmp_path / "whole"), tmp_path / "out"
    with monkeypatch.context() as patch:
        interrupt(patch, done)
        with pytest.raises(KeyboardInterrupt, match=f"^{done} of 4 trials are done"):
            run_scenario(two, out=out)
    assert [path.name for path in out.iterdir() if path.name[0] != "."] == [], "what is shown is whole"
    shown = load_run(out).summary[["label", "seed"]].to_dict("records")
    assert [(row["label"], row["seed"]) for row in shown] == [("fl-linear", 0), ("fl-linear", 1), ("v1-linear", 0)][
        :done
    ]
    with monkeypatch.context() as patch:
        interrupt(patch, 4 - done)
        run_scenario(two, out=out, resume=True)
    assert f"{done} of 4 trials are done already" in capsys.readouterr().out
    assert content(out) == content(whole)
    assert not (out / ".run").exists()


def test_what_cannot_be_resumed_is_said(two: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "runs" / "small-7"
    with pytest.raises(ScenarioError, match="no such folder, so there is nothing to resume"):
        run_scenario(two, dry=True, out=out, resume=True)
    with monkeypatch.context() as patch:
        interrupt(patch, 1)
        with pytest.raises(KeyboardInterrupt):
            run_scenario(two, out=out)
    monkeypatch.chdir(tmp_path)
    assert unfinished_folder("small") == Path("runs/small-7")
    with pytest.raises(ScenarioError, match="there is no unfinished run of other in runs"):
        unfinished_folder("other")
    with pytest.raises(FolderTakenError, match="unfinished run: go on with --resume, or start anew with --force"):
        run_scenario(two, out=out)
    with pytest.raises(ScenarioError, match="unfinished run of another kind: dry is false there and true here"):
        run_scenario(two, dry=True, out=out, resume=True)
    changed = two.with_(training__rounds=7)
    with pytest.raises(ScenarioError, match=r"of another scenario: scenario\.training\.rounds is 2 there and 7 here"):
        run_scenario(changed, out=out, resume=True)
    run_scenario(changed, dry=True, out=out, force=True)
    with pytest.raises(CompleteError, match="holds a complete run: there is nothing to resume"):
        run_scenario(changed, dry=True, out=out, resume=True)
    with pytest.raises(ScenarioError, match=r"complete run of another scenario: scenario\.training\.rounds is 7"):
        run_scenario(two, dry=True, out=out, resume=True)
    with pytest.raises(ScenarioError, match=r"no unfinished run of small in runs; runs/small-7 is complete"):
        unfinished_folder("small")
    (empty := tmp_path / "empty").mkdir()
    with pytest.raises(ScenarioError, match="holds no unfinished run"):
        run_scenario(two, out=empty, resume=True)
    assert list(empty.iterdir()) == []


def test_what_was_killed_before_it_was_drawn_is_drawn(
    two: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, drawn = tmp_path / "out", []

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("analysis.write_report", stop)
        with pytest.raises(KeyboardInterrupt, match=r"the results are complete, and sfsim report .*out draws"):
            run_scenario(two, dry=True, out=out)
    assert check_manifest(out) == []
    monkeypatch.setattr("analysis.write_report", lambda folder: drawn.append(folder))
    with pytest.raises(CompleteError):
        run_scenario(two, dry=True, out=out, resume=True)
    assert drawn == [out]


def test_the_folder_of_an_unfinished_run_is_found(two: Scenario, tmp_path: Path) -> None:
    for name in ("small-1", "small-2", "small-other-3", "small-4x"):
        (tmp_path / name / ".run").mkdir(parents=True)
        (tmp_path / name / ".run" / "run.json").write_text("{}")
    os.utime(tmp_path / "small-1" / ".run" / "run.json", (2e9, 2e9))
    assert unfinished_folder("small", tmp_path).name == "small-1"


def test_a_report_that_cannot_be_drawn_loses_nothing(
    two: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device", "report.html")

    monkeypatch.setattr("analysis.write_report", full)
    run_scenario(two, dry=True, out=tmp_path / "out")
    said = capsys.readouterr().out
    assert "the report could not be drawn (report.html: the disk is full)" in said
    assert f"Try again with: sfsim report {tmp_path / 'out'}" in said
    assert len(json.loads((tmp_path / "out" / "summary.json").read_text())["trials"]) == 4
