"""Tables of ledgers that are read batch by batch, in order."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from analysis import RunError
from analysis.batches import LedgerFile


def stored(folder: Path, starts: list[float], metadata: dict[bytes, bytes] | None = None) -> LedgerFile:
    """A table of these starts, each row with its place in the file."""
    table = pyarrow.table({"start": pyarrow.array(starts, pyarrow.float64()), "place": list(range(len(starts)))})
    path = folder / "works.parquet"
    parquet.write_table(table.replace_schema_metadata(metadata), path)
    return LedgerFile(path, ("start",), {})


@given(starts=st.lists(st.integers(0, 6).map(float), max_size=30), rows=st.integers(1, 8))
def test_rows_come_in_order_and_those_of_one_moment_together(
    starts: list[float], rows: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("analysis.batches.ROWS", rows)
        file = stored(tmp_path_factory.mktemp("ledger"), starts)
        parts = list(file.ordered("start", ("start", "place"), lambda table: None))
    expected = pd.DataFrame({"start": starts}).sort_values("start", kind="stable")
    assert [place for table, _ in parts for place in table["place"].to_pylist()] == list(expected.index)
    for (one, floor), (other, _) in pairwise(parts):
        assert max(one["start"].to_pylist(), default=-1) < floor <= min(other["start"].to_pylist(), default=np.inf)


def test_what_waits_for_a_long_row_is_put_together_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last row came first: nothing before it can be yielded."""
    monkeypatch.setattr("analysis.batches.ROWS", 4)
    joined: list[int] = []
    concat = pyarrow.concat_tables

    def counted(tables: list[pyarrow.Table]) -> pyarrow.Table:
        joined.append(len(tables))
        return concat(tables)

    monkeypatch.setattr(pyarrow, "concat_tables", counted)
    file = stored(tmp_path, [*map(float, range(1, 20)), 0.0])
    ((table, floor),) = file.ordered("start", ("start", "place"), lambda table: None)
    assert (table["start"].to_pylist(), floor) == ([*map(float, range(20))], np.inf)
    assert joined == [5]


def test_a_column_of_a_later_version_has_its_default(tmp_path: Path) -> None:
    stored(tmp_path, [1.0])
    file = LedgerFile(tmp_path / "works.parquet", ("start",), {"reason": ""})
    (table,) = file.batches(("start", "reason"))
    assert table.to_pylist() == [{"start": 1.0, "reason": ""}]


def test_a_later_schema_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"works.parquet: written with schema 3; this sfsim reads 1 and 2$"):
        stored(tmp_path, [1.0], {b"sfsim.schema": b"3"})
    assert stored(tmp_path, [1.0], {b"sfsim.schema": b"2"})
