"""What cannot be written is one error that names the file, whichever library was writing."""

from __future__ import annotations

import errno
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from simulator.settings import disk
from simulator.settings.disk import CannotWriteError, check_place, reason, told, written
from simulator.settings.files import atomically
from tests.helpers.forks import forked


def write_too_much() -> None:
    """Write more than files may hold from now on, with each library in turn."""
    import resource

    import pyarrow
    import torch
    from matplotlib.figure import Figure
    from pyarrow import parquet
    from safetensors.torch import save_file

    values = torch.arange(65536.0)
    table = pyarrow.table({"x": values.numpy()})
    figure = Figure()
    figure.subplots().imshow(torch.rand(64, 64).numpy())

    def through_a_stream(path: Path) -> None:
        with path.open("wb") as file:
            torch.save(values, file)

    writers: dict[str, Callable[[Path], object]] = {
        "text": lambda path: path.write_text("x" * 65536),
        "torch": lambda path: torch.save(values, path),
        "torch.stream": through_a_stream,
        "safetensors": lambda path: save_file({"x": values}, path),
        "parquet": lambda path: parquet.write_table(table, path),
        "png": lambda path: figure.savefig(path, format="png"),
    }
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    for name, write in writers.items():
        try:
            atomically(Path(name), write)
        except CannotWriteError as error:
            print(error.errno, error.filename, error)


def test_every_library_meets_a_limit_with_the_same_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is on the size of files: a full disk shows in the same way, but takes a disk to fill."""
    monkeypatch.chdir(tmp_path)
    status, printed = forked(write_too_much)
    names = ("text", "torch", "torch.stream", "safetensors", "parquet", "png")
    why = "cannot be written: the file is larger than files may be there"
    assert printed.splitlines() == [f"{errno.EFBIG} {name} {name} {why}" for name in names]
    assert status == 0
    assert list(tmp_path.iterdir()) == []


def test_an_error_without_a_number_is_looked_for_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch says of a full disk that a position is not as it expected."""
    monkeypatch.setattr(disk, "_tried", lambda folder: errno.ENOSPC if folder == tmp_path else None)
    with pytest.raises(CannotWriteError) as error, written(tmp_path / "x.pt"):
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0")
    assert (error.value.errno, error.value.filename) == (errno.ENOSPC, str(tmp_path / "x.pt"))


@pytest.mark.parametrize(
    "text",
    [
        "Error while serializing: I/O error: File too large (os error 27)",
        'Error while serializing: IoError(Os { code: 27, kind: FileTooLarge, message: "File too large" })',
        "Error writing bytes to file. Detail: [errno 27] File too large",
    ],
    ids=["Rust", "Rust, for debugging", "Arrow"],
)
def test_the_number_is_in_the_text(text: str, tmp_path: Path) -> None:
    with pytest.raises(CannotWriteError) as error, written(tmp_path / "x"):
        raise RuntimeError(text)
    assert error.value.errno == 27


def test_where_a_file_can_be_written_an_error_stays_what_it_was(tmp_path: Path) -> None:
    for other in (RuntimeError("a defect"), KeyError("x"), OSError("no number"), MemoryError()):
        with pytest.raises(type(other)) as error, written(tmp_path / "x"):
            raise other
        assert error.value is other


def test_a_file_that_is_only_read_is_not_said_to_be_unwritable(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(FileNotFoundError), written(tmp_path / "out" / "x"):
        (tmp_path / "data" / "missing").read_text()


def test_an_error_crosses_to_another_process() -> None:
    error = CannotWriteError(errno.ENOSPC, "No space left on device", "runs/x/rounds.csv")
    twin = pickle.loads(pickle.dumps(error))
    assert (twin.errno, twin.filename, str(twin)) == (error.errno, error.filename, str(error))
    assert str(error) == "runs/x/rounds.csv cannot be written: the disk is full"


NUMBERS = {
    "ENOSPC": "the disk is full",
    "EDQUOT": "your share of the disk is used up",
    "EROFS": "the disk is read-only",
    "EACCES": "you may not write there",
    "ENOENT": "its folder is not there, or no longer",
    "ENAMETOOLONG": "the name is too long",
    "ELOOP": "its symbolic links lead round in a circle",
}


@pytest.mark.parametrize("name", NUMBERS)
def test_reasons_in_words(name: str) -> None:
    number = getattr(errno, name)
    error = CannotWriteError(number, os.strerror(number), "x")
    assert reason(error) == NUMBERS[name]
    assert told(error) == f"x cannot be written: {NUMBERS[name]}"
    assert told(error, "the run folder") == f"the run folder cannot be written: {NUMBERS[name]} (x)"


def test_a_long_path_is_cut_in_a_message() -> None:
    error = CannotWriteError(errno.ENAMETOOLONG, "File name too long", "x" * 5000)
    assert len(told(error)) < 300


def test_places_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "fifo")
    wrong = {
        "loop": errno.ELOOP,
        "loop/x": errno.ELOOP,
        "x" * 5000: errno.ENAMETOOLONG,
        "x" * 300: errno.ENAMETOOLONG,
        "/".join(["x" * 200] * 30): errno.ENAMETOOLONG,
        "fifo": errno.ENXIO,
        "file/x": errno.ENOTDIR,
        "caf\udce9": errno.EILSEQ,
    }
    for name, number in wrong.items():
        with pytest.raises(CannotWriteError) as error:
            check_place(tmp_path / name)
        assert error.value.errno == number, name[:20]
    for name in ("file", "new", "new/er", "x[/red]", ":cat:", "日本語", "x" * 250):
        check_place(tmp_path / name)
