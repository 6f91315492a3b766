"""Files and folders that are whole or not there, with the rights that the user's umask gives."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simulator.settings import files
from simulator.settings.disk import CannotWriteError
from simulator.settings.files import (
    IrregularFileError,
    atomically,
    open_regular,
    remove_unfinished,
    replace_folder,
    whole_folder,
)


@pytest.mark.parametrize("exchanges", [True, False])
@pytest.mark.parametrize("there", [True, False])
def test_a_folder_takes_the_place_of_another(
    exchanges: bool, there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not exchanges:
        monkeypatch.setattr(files, "_exchange", lambda one, other: False)
    (tmp_path / ".new").mkdir()
    (tmp_path / ".new" / "content").write_text("new")
    if there:
        (tmp_path / "folder" / "sub").mkdir(parents=True)
    replace_folder(tmp_path / ".new", tmp_path / "folder")
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")} == {"folder", "folder/content"}


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002, 0o027])
def test_the_umask_says_who_may_read(mask: int, tmp_path: Path) -> None:
    with umask(mask):
        atomically(tmp_path / "file", lambda partial: partial.write_text("x"))
        with whole_folder(tmp_path / "folder") as partial:
            (partial / "inside").write_text("x")
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert modes == {"file": 0o666 & ~mask, "inside": 0o666 & ~mask, "folder": 0o777 & ~mask}


def test_what_a_library_puts_in_place_of_a_file_gets_its_rights(tmp_path: Path) -> None:
    def write(partial: Path) -> None:
        partial.unlink()
        partial.touch(0o600)

    with umask(0o022):
        atomically(tmp_path / "file", write)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def full(path: Path) -> None:
    path.write_text("half")
    raise OSError(28, "No space left on device")


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    with pytest.raises(CannotWriteError, match=r"/file cannot be written: the disk is full"):
        atomically(tmp_path / "file", full)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "old"


def test_a_file_in_a_hidden_folder_is_named_as_it_would_be_in_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "run"

    def write() -> None:
        with whole_folder(folder) as partial:
            (partial / "ledger").mkdir()
            atomically(partial / "ledger" / "works.parquet", full)

    with pytest.raises(CannotWriteError) as error:
        write()
    assert error.value.filename == str(folder / "ledger" / "works.parquet")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x" * 250, "日" * 80, "x" * 255])
def test_a_name_that_the_system_allows_can_be_written(name: str, tmp_path: Path) -> None:
    atomically(tmp_path / name, lambda partial: partial.write_text("x"))
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_only_what_belongs_to_a_name_is_removed(tmp_path: Path) -> None:
    for name in (".a[1]-x", ".a1-x", ".other-x", "a[1]"):
        (tmp_path / name).write_text("")
    remove_unfinished(tmp_path, "a[1]")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a1-x", ".other-x", "a[1]"]


def test_only_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    for name in ("fifo", "."):
        with pytest.raises(IrregularFileError):
            open_regular(tmp_path / name)
    for name in ("file", "link"):
        with open_regular(tmp_path / name) as file:
            assert file.read() == b"x"
