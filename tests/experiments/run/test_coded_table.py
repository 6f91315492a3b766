"""Tables whose cells repeat: the same files as tables of rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulator.experiments.run.coded_table import Cells, CodedTable
from simulator.experiments.run.csv_tables import Table, write_csv

COLUMNS = "client", "device", "class", "samples"
TABLE = CodedTable(
    COLUMNS,
    (
        Cells([("phone-0", 'a "b", c'), ("=phone-1", None)], np.array([0, 1, 1])),
        Cells([("rose\nred",)], np.array([0, 0, 0])),
        Cells([(2,), (float("nan"),)], np.array([1, 0, 1])),
    ),
)


def test_rows_have_a_value_for_each_column() -> None:
    assert TABLE.rows[1] == ("=phone-1", None, "rose\nred", 2)


def test_a_file_is_the_same_as_that_of_a_table_of_rows(tmp_path: Path) -> None:
    write_csv(tmp_path / "coded.csv", [TABLE, TABLE])
    write_csv(tmp_path / "rows.csv", [Table(COLUMNS, TABLE.rows)] * 2)
    assert (tmp_path / "coded.csv").read_bytes() == (tmp_path / "rows.csv").read_bytes()


def test_many_lines_are_joined_some_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_csv(tmp_path / "few.csv", [TABLE])
    monkeypatch.setattr("simulator.experiments.run.coded_table._FEW", 2)
    monkeypatch.setattr("simulator.experiments.run.coded_table._AT_ONCE", 2)
    assert len(list(TABLE.encoded(lambda values: map(str, values)))) == 2
    write_csv(tmp_path / "many.csv", [TABLE])
    assert (tmp_path / "many.csv").read_bytes() == (tmp_path / "few.csv").read_bytes()


def test_a_table_without_rows_is_its_header(tmp_path: Path) -> None:
    write_csv(tmp_path / "none.csv", [CodedTable(("client",), (Cells([], np.zeros(0, np.int32)),))])
    assert (tmp_path / "none.csv").read_text() == "client\n"
