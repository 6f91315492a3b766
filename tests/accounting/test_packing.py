"""Columns of Arrow that are made without pandas: the same as Arrow's own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pyarrow
import pytest

from simulator.accounting.packing import packed


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["phone-0", "", "séparé", "電話", "phone-0"], pyarrow.string()),
        (["phone-0", None, "", None, "a", "b", "c", "d", None], pyarrow.string()),
        ([None, None], pyarrow.string()),
        ([3, -(2**63), 2**63 - 1], pyarrow.int64()),
        ([0.1, float("inf"), -0.0, 7], pyarrow.float64()),
        ([True, False, False, True, True, False, True, False, True], pyarrow.bool_()),
        *(([], kind) for kind in (pyarrow.string(), pyarrow.int64(), pyarrow.float64(), pyarrow.bool_())),
    ],
)
def test_a_column_is_the_same_as_that_of_arrow(values: Sequence[Any], kind: pyarrow.DataType) -> None:
    column = packed(values, kind)
    column.validate(full=True)
    assert column.equals(pyarrow.array(values, kind))
    assert column.null_count == values.count(None)


@pytest.mark.parametrize(("value", "error"), [(2**63, OverflowError), (1.5, TypeError), ("1", TypeError)])
def test_what_is_no_whole_number_of_64_bits_is_refused(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        packed([1, value], pyarrow.int64())


def test_rows_are_packed_and_spilled_without_pandas() -> None:
    code = """if True:
        import sys
        from simulator.accounting import tables
        from simulator.accounting.ledger import WorkRow
        tables.CHUNK = 2
        table = tables.Table(WorkRow)
        for number in range(7):
            table.add(WorkRow("phone", None, "train", "train", 1, 0.0, 0.5, 1.0, 10, 20, lost=number == 3))
        assert table._spill is not None and len(table) == 7
        assert "pandas" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", code], check=True)
