"""Figures on disk: where they are, what is believed of them, and that no folder is bad enough to fail."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simulator.settings import disk_cache
from simulator.settings.disk_cache import cache_folder, keep, kept


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SFSIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(disk_cache, "_closed", set())
    monkeypatch.setattr(disk_cache, "_measured", set())
    return tmp_path / "cache"


def entries(folder: Path) -> list[Path]:
    return sorted((folder / "costs").iterdir())


@pytest.mark.parametrize(
    ("named", "shared", "expected"),
    [
        ("/somewhere/else", "/xdg", "/somewhere/else"),
        ("~/mine", "/xdg", "/home/someone/mine"),
        (None, "/xdg", "/xdg/sfsim"),
        (None, "relative", "/home/someone/.cache/sfsim"),  # the standard says that it is to be ignored
        (None, None, "/home/someone/.cache/sfsim"),
    ],
)
def test_the_folder(named: str | None, shared: str | None, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    for name, value in (("SFSIM_CACHE", named), ("XDG_CACHE_HOME", shared)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert cache_folder() == Path(expected)


@pytest.mark.parametrize("off", ["", " "])
def test_an_empty_name_keeps_nothing(off: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SFSIM_CACHE", off)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    keep("figure", "key", 1)
    assert cache_folder() is None
    assert kept("figure", "key") is None
    assert list(tmp_path.iterdir()) == []


VALUES = [0, [], [1, 2.5, "x", None, True], {"a": [[1, 10**30], 0.1 + 0.2]}]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_what_is_kept_is_found(value: object, folder: Path) -> None:
    keep("figure", "key", value)
    assert kept("figure", "key") == value
    assert kept("figure", "another key") is None
    assert kept("number", "key") is None


def test_what_another_process_keeps_is_found(folder: Path) -> None:
    code = "from simulator.settings.disk_cache import keep; keep('figure', 'key', [1, 2])"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert kept("figure", "key") == [1, 2]


@pytest.mark.parametrize("damage", ["empty", "cut off", "another figure", "no text", "no checksum"])
def test_a_damaged_entry_is_not_believed_and_is_replaced(damage: str, folder: Path) -> None:
    keep("figure", "key", [1234])
    (entry,) = entries(folder)
    whole = entry.read_bytes()
    damaged = {
        "empty": b"",
        "cut off": whole[:-2],
        "another figure": whole.replace(b"1234", b"1235"),
        "no text": b"\xff\x00" + whole,
        "no checksum": b"[1234]",
    }
    entry.write_bytes(damaged[damage])
    assert kept("figure", "key") is None
    keep("figure", "key", [1234])
    assert kept("figure", "key") == [1234]


def test_a_folder_that_cannot_be_made_holds_nothing(folder: Path) -> None:
    folder.write_text("a file where the folder would be")
    keep("figure", "key", 1)
    assert kept("figure", "key") is None
    assert folder.read_text() == "a file where the folder would be"


def test_a_full_disk_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep("figure", "earlier", 1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    keep("figure", "key", 2)
    assert len(entries(folder)) == 1
    assert (kept("figure", "earlier"), kept("figure", "key")) == (1, None)


def test_the_oldest_go_where_there_are_too_many(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for age, name in enumerate("abcdef"):
        keep("figure", name, "x" * 1000)
        newest = max(entries(folder), key=lambda entry: entry.stat().st_mtime_ns)
        os.utime(newest, (10**9 + age, 10**9 + age))
    monkeypatch.setattr(disk_cache, "MOST_BYTES", 5000)
    monkeypatch.setattr(disk_cache, "_measured", set())  # as in a new process
    keep("figure", "g", "x" * 1000)
    assert [kept("figure", name) is not None for name in "abcdefg"] == [False] * 3 + [True] * 4


def test_what_a_killed_process_left_goes_after_an_hour(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep("figure", "key", 1)
    old, new = (folder / "costs" / f".figure-{'0' * 32}.json-{name}" for name in ("0000000a", "0000000b"))
    for leftover in (old, new):
        leftover.touch()
    os.utime(old, (time.time() - 4000,) * 2)
    monkeypatch.setattr(disk_cache, "_measured", set())
    keep("figure", "another", 1)
    assert (old.exists(), new.exists()) == (False, True)


def test_an_entry_that_was_of_use_outlives_newer_ones(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for age, name in enumerate("abc"):
        keep("figure", name, "x" * 1000)
        newest = max(entries(folder), key=lambda entry: entry.stat().st_mtime_ns)
        os.utime(newest, (10**9 + age, 10**9 + age))
    assert kept("figure", "a") is not None
    monkeypatch.setattr(disk_cache, "MOST_BYTES", 2900)
    monkeypatch.setattr(disk_cache, "_measured", set())
    keep("figure", "d", "x")
    assert [kept("figure", name) is not None for name in "abcd"] == [True, False, True, True]


def test_files_of_others_stay_however_old_and_large(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    costs = folder / "costs"
    costs.mkdir(parents=True)
    theirs = [costs / name for name in ("mine.json", ".gitignore", "large.bin", ".notes-0123abcd")]
    for path in theirs:
        path.write_bytes(b"x" * 10_000)
        os.utime(path, (10**9, 10**9))
    monkeypatch.setattr(disk_cache, "MOST_BYTES", 5000)
    keep("figure", "key", 1)
    assert [path.name for path in theirs if not path.exists()] == []
    assert kept("figure", "key") == 1


def test_many_processes_write_the_same_entry(folder: Path) -> None:
    code = (
        "from simulator.settings.disk_cache import keep, kept\n"
        "for _ in range(50):\n"
        "    keep('figure', 'key', ['x' * 5000]); found = kept('figure', 'key'); assert found in (None, ['x' * 5000])"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert kept("figure", "key") == ["x" * 5000]
    assert len(entries(folder)) == 1
