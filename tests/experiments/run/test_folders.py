"""The folder of a run: free, taken, forced, in use twice; and nothing is left where a run fails."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from simulator.experiments.run import tables as results
from simulator.experiments.run import trials
from simulator.experiments.run.folders import FolderTakenError, claimed, free_folder
from simulator.experiments.run.run import run_scenario
from simulator.scenario.scenario import Scenario
from simulator.settings import files
from simulator.settings.errors import ScenarioError
from tests.helpers.small_trials import scenario

pytestmark = pytest.mark.usefixtures("small_model")


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    """Without the pictures: they take longer than the run."""
    monkeypatch.setattr("analysis.write_report", lambda folder: None)
    return scenario(tmp_path, ["fl-linear"])


def test_the_default_folder_has_the_first_free_number(
    small: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_scenario(small, dry=True) == Path("runs/small-1")
    (tmp_path / "runs" / "small-2").mkdir()
    assert run_scenario(small, dry=True) == Path("runs/small-3")
    assert (tmp_path / "runs" / "small-3" / "summary.json").exists()


def test_a_number_is_not_given_twice(tmp_path: Path) -> None:
    assert [free_folder("small", tmp_path).name for _ in range(2)] == ["small-1", "small-2"]


def test_a_folder_belongs_to_a_run_from_its_start(small: Scenario, tmp_path: Path) -> None:
    with claimed(tmp_path / "out", small, True, force=False, resume=False):
        with pytest.raises(ScenarioError, match=rf"already, with process {os.getpid()} on"):
            run_scenario(small, dry=True, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


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


def test_a_file_in_the_way_stays(small: Scenario, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    for force in (False, True):
        with pytest.raises(FolderTakenError):
            run_scenario(small, dry=True, out=tmp_path / "out", force=force)
    assert (tmp_path / "out").read_text() == "mine"


def test_a_path_that_will_be_too_long_is_told_before_anything_is_run(small: Scenario, tmp_path: Path) -> None:
    folder = Path(str(tmp_path) + "/x" * ((4050 - len(str(tmp_path))) // 2))  # itself, it is not
    with pytest.raises(OSError, match="the name is too long"):
        run_scenario(small, dry=True, out=folder)
    assert not (tmp_path / "x").exists()


class BrokenError(Exception):
    pass


@pytest.mark.parametrize("where", ["trial", "write"])
@pytest.mark.parametrize("error", [BrokenError("x"), KeyboardInterrupt()], ids=["failure", "Ctrl-C"])
@pytest.mark.parametrize("out", ["a/b/out", None])
def test_nothing_is_left_where_nothing_was_finished(
    where: str, error: BaseException, out: str | None, small: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _fail(monkeypatch, where, error)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(type(error)):
        run_scenario(small, dry=True, out=out and Path(out))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_failure_leaves_an_earlier_run_as_it_was(
    small: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_scenario(small, dry=True, out=tmp_path / "out")
    before = _times(folder)
    _fail(monkeypatch, "trial", BrokenError())
    with pytest.raises(BrokenError):
        run_scenario(small, dry=True, out=folder, force=True)
    assert _times(folder) == before


def test_an_earlier_run_stays_until_the_new_one_is_whole(
    small: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = scenario(tmp_path, ["fl-linear", "fl"])
    folder = run_scenario(small, dry=True, out=tmp_path / "out")
    before = _times(folder)
    _fail(monkeypatch, "second trial", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt, match=r"1 of 2 trials are done: go on with --resume --out .*out"):
        run_scenario(two, dry=True, out=folder, force=True)
    assert _times(folder) == before
    monkeypatch.undo()
    run_scenario(two, dry=True, out=folder, resume=True)
    assert [row["label"] for row in _trials(folder)] == ["fl-linear", "fl"]
    assert not (folder / ".run").exists()


@pytest.mark.parametrize("stop", range(12))
def test_a_replacement_that_is_interrupted_is_completed(
    stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b/c", ".run/new/a", ".run/new/d/e"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{'new' if 'new' in name else 'old'}")
    steps = 0

    def counted(step: Callable[..., Any]) -> Callable[..., Any]:
        def take(*args: Any, **keywords: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps > stop:
                raise BrokenError
            return step(*args, **keywords)

        return take

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "replace", counted(os.replace))
        patch.setattr(files.shutil, "rmtree", counted(files.shutil.rmtree))
        with suppress(BrokenError):
            files.start_replacement(tmp_path, ["a", "b"])
    started = (tmp_path / ".run" / "replacing.json").exists()
    files.finish_replacement(tmp_path)
    there = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    shown = {name: text for name, text in there.items() if not name.startswith(".run")}
    old, new = {"a": "old", "b/c": "old"}, {"a": "new", "d/e": "new"}
    assert shown == (new if started or stop else old)
    if stop >= 8:
        assert there == new, "nothing hidden is left, or the number of steps above is too small"


def _fail(monkeypatch: pytest.MonkeyPatch, where: str, error: BaseException) -> None:
    """Raise an error where a trial is run, or its result is written."""
    run, calls = trials.dry_run_that_fits, []

    def fail(*args: Any, **keywords: Any) -> Any:
        calls.append(None)
        if where == "second trial" and len(calls) == 1:
            return run(*args, **keywords)
        raise error

    if where == "write":
        monkeypatch.setattr(results, "environment", fail)
    else:
        monkeypatch.setattr(trials, "dry_run_that_fits", fail)


def _times(folder: Path) -> dict[Path, int]:
    """Return when each file that is shown was written."""
    shown = (path for path in folder.rglob("*") if not any(part[0] == "." for part in path.relative_to(folder).parts))
    return {path: path.stat().st_mtime_ns for path in shown if path.is_file()}


def _trials(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "summary.json").read_text())["trials"]  # type: ignore[no-any-return]
