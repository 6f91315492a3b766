"""What is of no use any more is listed, and removed if asked for; nothing else is touched."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from simulator.experiments.run.manifest import write_manifest
from simulator.settings.disk_cache import keep, kept
from tests.helpers.commands import Sfsim, files
from tests.helpers.run_folders import fabricate

DAY = 86_400.0


def aged(path: Path, days: float) -> Path:
    """Let everything in a folder be so old."""
    for place in (path, *path.rglob("*")):
        os.utime(place, times=(time.time() - days * DAY,) * 2)
    return path


def run(root: Path, name: str, days: float = 0.0, scenario: str = "made up") -> Path:
    return aged(fabricate(root / name, ("FL",), rounds=1, name=scenario), days)


@pytest.fixture(autouse=True)
def _no_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SFSIM_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Runs of several ages, and what killed processes left beside and in them."""
    root = tmp_path / "runs"
    for name, days in (("a-1", 40), ("a-2", 20), ("a-3", 1)):
        run(root, name, days, "a")
    run(root, "b-1", 50, "b")
    for hidden in (".a-4-0a1b2c3d", "a-3/.run-old-0a1b2c3d"):
        run(root, hidden, 1)
    (root / "a-3" / ".report.html-0a1b2c3d").touch()
    aged(root / "a-3", 1)
    return root


LEFT = ["a-3/.report.html-0a1b2c3d", "a-3/.run-old-0a1b2c3d", ".a-4-0a1b2c3d"]


def listed(out: str, root: Path) -> list[str]:
    paths = [line.partition(": ")[0] for line in out.splitlines() if line.startswith(str(root))]
    return [Path(path).relative_to(root).as_posix() for path in paths]


def test_without_yes_it_only_lists_what_killed_processes_left(root: Path, sfsim: Sfsim) -> None:
    before = files(root)
    status, out, err = sfsim("clean", root)
    assert (status, err) == (0, "")
    assert sorted(listed(out, root)) == sorted(LEFT)
    assert out.splitlines()[-1].startswith("Nothing was removed: ")
    assert files(root) == before


def test_what_killed_processes_left_is_removed_and_nothing_else(root: Path, sfsim: Sfsim) -> None:
    before = files(root)
    status, out, _ = sfsim("clean", root, "--yes")
    assert status == 0
    assert out.splitlines()[-1].startswith("Removed 3, ")
    assert files(root) == [name for name in before if not name.startswith(tuple(LEFT))]
    assert sfsim("clean", root, "--yes")[1] == "There is nothing to remove\n"


@pytest.mark.parametrize(
    ("options", "old"),
    [
        (["--older-than", "30d"], ["a-1", "b-1"]),
        (["--older-than", "30 d", "--keep", "1"], ["a-1"]),
        (["--keep", "1"], ["a-1", "a-2"]),
        (["--older-than", "12h"], ["a-1", "a-2", "a-3", "b-1"]),
        (["--keep", "0"], ["a-1", "a-2", "a-3", "b-1"]),
    ],
)
def test_old_runs_are_those_that_are_asked_for(root: Path, sfsim: Sfsim, options: list[str], old: list[str]) -> None:
    _, out, _ = sfsim("clean", root, *options)
    assert sorted(name for name in listed(out, root) if name not in LEFT) == old
    sfsim("clean", root, *options, "--yes")
    assert sorted(path.name for path in root.iterdir()) == sorted({"a-1", "a-2", "a-3", "b-1"} - {*old})


def test_what_is_not_ours_stays(tmp_path: Path, sfsim: Sfsim) -> None:
    root = tmp_path / "runs"
    for name in (".git-0a1b2c3d", "photos", ".config"):
        (root / name).mkdir(parents=True)
        (root / name / "mine.txt").touch()
    (root / ".notes-0a1b2c3d").touch()
    (root / "mine" / "ledger").mkdir(parents=True)
    (root / "mine" / "summary.json").write_text('{"rows": []}')
    (run(root, "a-1") / "notes.txt").touch()
    (root / "linked").symlink_to(run(tmp_path, "elsewhere"))
    (root / ".run-0a1b2c3d").symlink_to(tmp_path / "elsewhere")
    aged(root, 40)
    before = files(tmp_path)
    _, out, _ = sfsim("clean", root, "--keep", "0", "--yes")
    assert files(tmp_path) == before
    assert out == f"Stays: {root / 'a-1'}: it holds notes.txt, which no command writes\nThere is nothing to remove\n"


@pytest.mark.parametrize("manifest", [False, True], ids=["no manifest", "a manifest"])
@pytest.mark.parametrize(
    "name", ["my_results.csv", "figures/mine.png", "figures/mine.csv", "ledger/FL-0/mine.txt", "plugins/mine.md"]
)
def test_a_run_with_a_file_of_somebody_elses_stays(name: str, manifest: bool, tmp_path: Path, sfsim: Sfsim) -> None:
    folder = run(tmp_path, "a-1")
    if manifest:
        write_manifest(folder)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).touch()
    if manifest:
        write_manifest(folder, only=("report.html", "figures"))  # as `sfsim report` does
    before = files(tmp_path)
    _, out, _ = sfsim("clean", tmp_path, "--keep", "0", "--yes")
    assert files(tmp_path) == before
    assert out.startswith(f"Stays: {folder}: it holds {name}, which no command writes\n")


def test_what_the_manifest_lacks_is_somebody_elses_whatever_its_name(tmp_path: Path, sfsim: Sfsim) -> None:
    folder = run(tmp_path, "a-1")
    write_manifest(folder)
    (folder / "trace.json.gz").touch()  # made again at any time, and none of those that are named
    (folder / "waste.csv").touch()
    _, out, _ = sfsim("clean", tmp_path, "--keep", "0", "--yes")
    assert out.startswith(f"Stays: {folder}: it holds waste.csv, which no command writes\n")
    (folder / "waste.csv").unlink()
    assert sfsim("clean", tmp_path, "--keep", "0", "--yes")[1].splitlines()[-1].startswith("Removed 1, ")


def test_a_trial_of_a_sweep_with_a_file_of_somebody_elses_keeps_the_sweep(tmp_path: Path, sfsim: Sfsim) -> None:
    sweep = tmp_path / "s-1"
    run(sweep / "trials", "0123")
    (sweep / "sweep.yaml").write_text("name: s")
    (sweep / "trials" / "0123" / "mine.csv").touch()
    _, out, _ = sfsim("clean", tmp_path, "--keep", "0", "--yes")
    assert out.startswith(f"Stays: {sweep}: it holds trials/0123/mine.csv, which no command writes\n")
    (sweep / "trials" / "0123" / "mine.csv").unlink()
    assert sfsim("clean", tmp_path, "--keep", "0", "--yes")[1].splitlines()[-1].startswith("Removed 1, ")


def test_hidden_folders_of_others_stay(tmp_path: Path, sfsim: Sfsim) -> None:
    for name in (".x-0a1b2c3d", ".cache-settings", ".y-0a1b2c3d/figures", ".notes-deadbeef/trials"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / ".y-0a1b2c3d" / "figures" / "mine.csv").touch()
    aged(tmp_path, 1)
    assert sfsim("clean", tmp_path, "--yes")[1] == "There is nothing to remove\n"


@pytest.mark.parametrize("stated", ["[]", '{"scenario": []}', '{"scenario": {"name": 1}}', "x"])
def test_a_damaged_unfinished_run_is_none(stated: str, tmp_path: Path, sfsim: Sfsim) -> None:
    (tmp_path / "a-1" / ".run").mkdir(parents=True)
    (tmp_path / "a-1" / ".run" / "run.json").write_text(stated)
    assert sfsim("clean", tmp_path, "--keep", "0", "--yes")[:2] == (0, "There is nothing to remove\n")


def test_what_goes_while_it_is_looked_at_is_no_error(root: Path, sfsim: Sfsim, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = Path.iterdir

    def gone(path: Path) -> Iterator[Path]:
        if path.name in ("trials", "figures", ".run", "ledger"):
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return listing(path)

    (root / "a-3" / "figures").mkdir(exist_ok=True)
    monkeypatch.setattr(Path, "iterdir", gone)
    assert sfsim("clean", root)[0] == 0


def test_what_cannot_be_removed_stays_and_is_told(root: Path, sfsim: Sfsim, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "somewhere")

    monkeypatch.setattr(Path, "unlink", forbidden)
    status, out, err = sfsim("clean", root, "--yes")
    assert (status, err) == (0, "")
    assert f"Stays: {root / 'a-3/.report.html-0a1b2c3d'}: it is in use, or cannot be removed" in out
    assert out.splitlines()[-1] == "Removed 2 of 3"


def test_what_trackers_keep_in_a_run_goes_with_it(tmp_path: Path, sfsim: Sfsim) -> None:
    folder = run(tmp_path, "a-1")
    for name in ("tensorboard", "wandb"):
        (folder / name).mkdir()
    assert sfsim("clean", tmp_path, "--keep", "0", "--yes")[1].splitlines()[-1].startswith("Removed 1, ")
    assert not folder.exists()


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("sweep", ["points.csv"]),
        ("search", ["suggestions.csv", "best.yaml", "journal.log", "front-1.yaml", "front-12.yaml"]),
    ],
)
def test_sweeps_and_searches_go_with_what_was_left_in_them(
    tmp_path: Path, sfsim: Sfsim, kind: str, more: list[str]
) -> None:
    """Checkpoints of trials that failed, the output of jobs, and the mark by which workers see a shared folder."""
    folder = tmp_path / "old"
    for hidden in ("trials", "figures", ".checkpoints", ".slurm"):
        (folder / hidden).mkdir(parents=True)
    (folder / f"{kind}.yaml").write_text("name: old\n")
    for name in ("environment.json", "report.html", f".shared-{'0' * 32}", ".checkpoints/0.safetensors", *more):
        (folder / name).touch()
    (folder / "front.yaml").touch()
    kept = sfsim("clean", tmp_path, "--keep", "0", "--yes")[1]
    assert kept.startswith(f"Stays: {folder}: it holds front.yaml, which no command writes\n")
    (folder / "front.yaml").unlink()
    said = sfsim("clean", tmp_path, "--keep", "0", "--yes")[1].splitlines()
    assert said[0].startswith(f"{folder}: {kind} of old, ")
    assert not folder.exists()


def test_what_is_in_use_or_new_stays(root: Path, sfsim: Sfsim) -> None:
    run(root, ".a-5-0a1b2c3d", 0)
    before = files(root)
    with FileLock(root / "a-3" / ".lock"):
        _, out, _ = sfsim("clean", root, "--keep", "0", "--yes")
        left = files(root)
    assert f"Stays: {root / '.a-5-0a1b2c3d'}: it was changed less than an hour ago" in out
    assert f"Stays: {root / 'a-3'}: another process works there already" in out
    assert left == sorted({name for name in before if name.startswith(("a-3", ".a-5"))} | {"a-3/.lock"})


def test_on_a_terminal_it_asks(root: Path, sfsim: Sfsim, monkeypatch: pytest.MonkeyPatch) -> None:
    import typer

    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    asked: list[str] = []
    monkeypatch.setattr(typer, "confirm", lambda text: bool(asked.append(text)))
    before = files(root)
    _, out, _ = sfsim("clean", root)
    assert out.endswith("Nothing was removed\n")
    assert (len(asked), files(root)) == (1, before)


def test_a_mistake_is_one_message(tmp_path: Path, sfsim: Sfsim) -> None:
    (tmp_path / "file").touch()
    for words, said in (
        ([tmp_path, "--older-than", "30 years"], "write a number and d, h, min or s, such as 30d"),
        ([tmp_path / "file"], "this is a file, not a folder"),
    ):
        status, out, err = sfsim("clean", *words)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert said in err
    assert sfsim("clean", tmp_path / "nowhere")[:2] == (0, "There is nothing to remove\n")


def test_kept_costs_are_removed_and_what_else_is_in_their_folder_stays(
    tmp_path: Path, sfsim: Sfsim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SFSIM_CACHE", str(tmp_path / "cache"))
    keep("outline", "a key", {"flops": 1})
    (tmp_path / "cache" / "costs" / "mine.json").touch()
    assert kept("outline", "a key") == {"flops": 1}
    _, out, _ = sfsim("clean", tmp_path / "runs", "--yes")
    assert "costs of models, which are computed again when they are needed" in out
    assert kept("outline", "a key") is None
    assert files(tmp_path) == ["cache", "cache/costs", "cache/costs/mine.json"]
