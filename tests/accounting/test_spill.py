"""Rows beyond a few chunks go to a temporary file, of which nothing is left whatever ends the process."""

from __future__ import annotations

import copy
import errno
import gc
import os
import pickle
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from simulator.accounting import spill, tables
from simulator.accounting.ledger import Ledger, RoundRow
from simulator.accounting.spill import spilling_into
from simulator.accounting.tables import Table
from simulator.settings.disk import CannotWriteError

ROWS = [RoundRow(number, 1 / (1 + number), number / 7, number) for number in range(20)]


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of three rows, of which none is kept in memory."""
    monkeypatch.setattr(tables, "CHUNK", 3)
    monkeypatch.setattr(tables, "KEPT", 0)


def filled(rows: list[RoundRow] = ROWS) -> Table[RoundRow]:
    table = Table(RoundRow)
    for row in rows:
        table.add(row)
    return table


@pytest.mark.usefixtures("small_chunks")
def test_what_is_on_disk_is_read_as_it_was_added() -> None:
    table = filled()
    assert table._spill is not None
    assert (table._spill.rows, table._packed, len(table._recent)) == ([3] * 6, [], 2)
    assert list(table) == ROWS
    assert len(table) == 20
    assert [table[place] for place in range(20)] == ROWS
    assert list(table.column("updates")) == list(range(20))
    assert list(table.where("round", lambda number: number % 7 == 0)) == ROWS[::7]
    assert [tuple(row.values()) for row in table.arrow().to_pylist()] == ROWS
    assert table.same_rows(filled())
    assert not table.same_rows(filled([*ROWS[:-1], ROWS[0]]))
    for outside in (-1, 20):
        with pytest.raises(IndexError):
            table[outside]


def test_a_table_of_less_than_a_chunk_never_touches_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "Spill", None)
    assert list(filled()) == ROWS


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda table: pickle.loads(pickle.dumps(table))])
def test_a_copy_has_all_rows_and_goes_on_by_itself(copied: Any) -> None:
    table = filled()
    other = copied(table)
    other.add(ROWS[0])
    other.add(ROWS[1])
    assert list(other) == [*ROWS, *ROWS[:2]]
    assert list(table) == ROWS


@pytest.mark.usefixtures("small_chunks")
def test_equal_ledgers_are_equal_wherever_their_rows_are(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = Ledger(), Ledger()
    one.rounds = filled()
    monkeypatch.setattr(tables, "CHUNK", 100)
    other.rounds = filled()
    assert one == other
    other.rounds.add(ROWS[0])
    assert one != other


def open_files(folder: Path) -> list[str]:
    """The files in a folder that this process has open, those included that have no name there."""
    links = []
    for name in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink(f"/proc/self/fd/{name}"))
        except OSError:  # that of the list itself
            continue
    return [link for link in links if link.startswith(f"{folder}/")]


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("ending", [None, ValueError, KeyboardInterrupt])
def test_the_file_has_no_name_in_the_folder_and_is_gone_with_its_table(
    ending: type[BaseException] | None, tmp_path: Path
) -> None:
    def trial() -> None:
        with spilling_into(tmp_path):
            table = filled()
        assert len(open_files(tmp_path)) == 1
        assert list(tmp_path.iterdir()) == []
        if ending is not None:
            raise ending
        assert list(table) == ROWS

    if ending is None:
        trial()
    else:
        with pytest.raises(ending) as caught:
            trial()
        del caught
    gc.collect()
    assert open_files(tmp_path) == []


@pytest.mark.usefixtures("small_chunks")
def test_without_a_folder_that_is_there_rows_go_where_temporary_files_go(tmp_path: Path) -> None:
    with spilling_into(tmp_path / "never made"):
        table = filled()
    assert table._spill is not None
    assert table._spill.folder == Path(tempfile.gettempdir())
    with spilling_into(tmp_path):
        other = filled()
    assert other._spill is not None
    assert other._spill.folder == tmp_path


class Full:
    """A file on a disk that takes so many bytes."""

    def __init__(self, room: int) -> None:
        self.room = room

    def seek(self, place: int) -> None:
        pass

    def close(self) -> None:
        pass

    def write(self, content: memoryview) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = min(self.room, len(content))
        self.room -= taken
        return taken


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("room", [0, 100, 2000])
def test_a_full_disk_is_one_message_that_names_the_folder(
    room: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spill.tempfile, "TemporaryFile", lambda **_: Full(room))
    with spilling_into(tmp_path), pytest.raises(CannotWriteError) as caught:
        filled()
    assert str(caught.value) == f"{tmp_path} cannot be written: the disk is full"
