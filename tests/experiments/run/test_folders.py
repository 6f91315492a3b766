"""The folder of a run: free, taken, forced, in use twice; and nothing is left where a run fails."""

import os
from pathlib import Path
from typing import Any

import pytest

from simulator.experiments.run import run as running
from simulator.experiments.run import tables as results
from simulator.experiments.run.folders import FolderTakenError, free_folder, staged
from simulator.experiments.run.run import run_scenario
from simulator.scenario.scenario import Scenario
from tests.helpers.small_trials import scenario

pytestmark = pytest.mark.usefixtures("small_model")


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
        monkeypatch.setattr(running, "dry_run_that_fits", fail)
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
