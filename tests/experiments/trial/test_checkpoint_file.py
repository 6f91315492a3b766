"""Files of checkpoints: what is written is read, and what is of no use is refused in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

from simulator.experiments.trial import checkpoint_file
from simulator.experiments.trial.checkpoint import Checkpoints
from simulator.experiments.trial.checkpoint_file import DTYPES, CheckpointError, read, write
from simulator.experiments.trial.checkpoint_tree import UnstorableError
from simulator.experiments.trial.trial import run
from simulator.scenario.checkpoint import CheckpointSettings
from tests.helpers.resuming import ALWAYS, KEY, checkpoints, recorded, small

TENSORS = [
    torch.arange(6.0).view(2, 3).T,  # not contiguous
    torch.tensor(2.5),
    torch.empty(0, 3),
    torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
    torch.tensor([True, False]),
    torch.arange(3),
    torch.empty(2, 5, dtype=torch.float16, device="meta"),
]


def why_unusable(path: Path, key: str) -> str | None:
    """Return why a trial cannot go on from a file; None if it can."""
    try:
        read(path, key)
    except CheckpointError as error:
        return str(error)
    return None


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    if one.dtype != other.dtype or one.shape != other.shape or one.is_meta != other.is_meta:
        return False
    return one.is_meta or torch.equal(one, other)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    size = write(tmp_path / "one", "key", {"a": [1, float("inf"), None]}, TENSORS)
    contents = read(tmp_path / "one", "key")
    assert contents.data == {"a": [1, float("inf"), None]}
    assert all(map(same, contents.tensors, TENSORS))
    assert contents.elsewhere == [False] * len(TENSORS)
    assert size == (tmp_path / "one").stat().st_size
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_type_is_read_as_it_was(dtype: torch.dtype, tmp_path: Path) -> None:
    tensor = torch.arange(5).to(dtype)
    write(tmp_path / "one", "key", {}, [tensor])
    (back,) = read(tmp_path / "one", "key").tensors
    assert same(back, tensor)


def test_the_file_is_one_of_safetensors(tmp_path: Path) -> None:
    write(tmp_path / "one", "key", {}, TENSORS)
    with safe_open(tmp_path / "one", framework="pt") as file:
        assert torch.equal(file.get_tensor("0"), TENSORS[0])
        assert file.metadata()["key"] == "key"


def test_a_type_that_cannot_be_stored_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnstorableError, match="complex64"):
        write(tmp_path / "one", "key", {}, [torch.zeros(2, dtype=torch.complex64)])
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "one", "key", {"a": 1}, TENSORS)
    whole = (tmp_path / "one").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "one").write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="is not complete"):
            read(tmp_path / "one", "key")


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_file_with_a_wrong_bit_is_refused_or_harmless(place: float, bit: int, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("bits") / "one"
    write(path, "key", {"a": 1}, TENSORS)
    raw = bytearray(path.read_bytes())
    raw[int(place * len(raw))] ^= 1 << bit
    path.write_bytes(raw)
    try:
        contents = read(path, "key")
    except CheckpointError:
        return
    assert contents.data == {"a": 1}  # such as a space that became a tab
    assert all(map(same, contents.tensors, TENSORS))


def test_why_a_file_is_of_no_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "one"
    assert why_unusable(path, "key") == "cannot be read: No such file or directory"
    write(path, "key", {}, [])
    assert why_unusable(path, "key") is None
    assert why_unusable(path, "another key") == "is of another scenario, or of another trial"
    monkeypatch.setattr(checkpoint_file, "version", lambda _: "99.0")
    here = why_unusable(path, "key")
    assert here is not None
    assert here.startswith("was made by sfsim ")
    assert here.endswith(", and this is 99.0")


@pytest.mark.usefixtures("small_model")
@pytest.mark.parametrize("file", [b"", b"nothing of the kind", None], ids=["empty", "foreign", "of another trial"])
def test_a_trial_with_a_file_of_no_use_starts_over_and_says_so(file: bytes | None, tmp_path: Path) -> None:
    trial, path, told = small(tmp_path, "fl-linear"), tmp_path / "checkpoint", []
    _, files = recorded(trial, path)
    path.write_bytes(files[2] if file is None else file)
    kept = checkpoints(path, told, KEY if file is not None else "another key")
    result = run(trial, trial.algorithms[0], 0, checkpoints=kept)
    assert len(result.rounds) == 4
    assert kept.resumed == 0
    (line,) = told
    assert line.startswith(f"the trial starts over: {path} is ")


@pytest.mark.usefixtures("small_model")
def test_a_checkpoint_of_other_code_is_refused(tmp_path: Path) -> None:
    """The time does not come out as it was: here, the scenario differs although the key is the same."""
    path, told = tmp_path / "checkpoint", []
    _, files = recorded(small(tmp_path, "fl-linear"), path)
    path.write_bytes(files[2])
    other = small(tmp_path, "fl-linear", training={"batch_size": 4})
    kept = checkpoints(path, told)
    result = run(other, other.algorithms[0], 0, checkpoints=kept)
    assert len(result.rounds) == 4
    assert kept.resumed == 0
    assert "was made by another code or on another machine: clock comes to " in told[0]


@pytest.mark.usefixtures("small_model")
def test_a_disk_without_room_does_not_end_a_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint_file, "write", full)
    trial, told = small(tmp_path, "fl-linear"), []
    result = run(trial, trial.algorithms[0], 0, checkpoints=checkpoints(tmp_path / "checkpoint", told))
    assert len(result.rounds) == 4
    assert told == [f"no checkpoint is written: {tmp_path / 'checkpoint'}: No space left on device; the trial goes on"]


def test_when_a_checkpoint_is_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    second = Checkpoints(tmp_path / "one", CheckpointSettings(every=2), KEY)
    assert [second.is_due(number) for number in range(5)] == [False, False, True, False, True]
    never = Checkpoints(tmp_path / "one", None, KEY)
    assert not any(map(never.is_due, range(5)))
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    timed = Checkpoints(tmp_path / "one", CheckpointSettings(minutes=2), KEY)
    now = 219.0
    assert not timed.is_due(1)
    now = 220.0
    assert timed.is_due(1)
    timed.write({}, [])
    assert not timed.is_due(2)


def test_removing_takes_what_a_killed_process_left(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path / "one", ALWAYS, KEY)
    kept.write({}, [])
    (tmp_path / ".one-half").write_text("half")
    kept.remove()
    kept.remove()
    assert not list(tmp_path.iterdir())
