"""Locks of folders: held by one process, and not by a dead one."""

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock, SoftFileLock

from simulator.settings import locks
from simulator.settings.errors import ScenarioError
from simulator.settings.locks import locked


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (OSError(errno.ENOLCK, "No locks available"), "No locks available"),
        (OSError(errno.EOPNOTSUPP, "Operation not supported", "a file"), "Operation not supported"),
        (NotImplementedError("no flock here"), "no flock here"),
    ],
)
def test_a_folder_that_cannot_be_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, why: str
) -> None:
    def fails(*args: Any, **options: Any) -> None:
        raise error

    monkeypatch.setattr(FileLock, "acquire", fails)
    with pytest.raises(ScenarioError, match=f"cannot be locked against other processes: {why}; .*--out"):
        with locked(tmp_path / ".lock", tmp_path, "runs this sweep"):
            pytest.fail("it was not locked")


def test_a_lock_of_a_file_system_without_flock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def soft(place: Path, fallback_to_soft: bool) -> SoftFileLock:
        assert fallback_to_soft
        return SoftFileLock(place)

    monkeypatch.setattr(locks, "FileLock", soft)
    place = tmp_path / ".lock"
    with locked(tmp_path / ".lock", tmp_path, "runs this sweep"):
        with pytest.raises(ScenarioError, match=r"runs this sweep already.* \(if none does, .*: remove .*\.lock\)"):
            with locked(tmp_path / ".lock", tmp_path, "runs this sweep"):
                pytest.fail("it was locked twice")
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    place.write_text(f"{ended.pid}\n{socket.gethostname()}\n")  # as after a SIGKILL
    with locked(tmp_path / ".lock", tmp_path, "runs this sweep"):
        assert str(os.getpid()) in place.read_text()


def test_a_lock_that_was_removed_with_its_folder_is_made_anew(tmp_path: Path) -> None:
    with locked(tmp_path / "out" / ".lock", tmp_path, "writes this run"):
        (tmp_path / "out" / ".lock").unlink()
    with locked(tmp_path / "out" / ".lock", tmp_path, "writes this run"):
        assert (tmp_path / "out" / ".lock").exists()
