"""The ledger keeps rows as they are, packed or not."""

from __future__ import annotations

from typing import Any

import pyarrow
import pytest

from simulator.accounting import tables as module
from simulator.accounting.ledger import AbsenceRow, Ledger, RoundRow, Table, TransferRow, WorkRow

WORKS = [
    WorkRow(f"site {n}", None if n % 3 else f"client {n}", "step", "", n, 0.1 * n, 1 / 3 + n, 1e-9, 10**15 + n, n)
    for n in range(10)
]
SCHEMA = {
    "site": "string",
    "client": "string",
    "work": "string",
    "phase": "string",
    "round": "int64",
    "asked": "double",
    "start": "double",
    "seconds": "double",
    "flops": "int64",
    "bytes_touched": "int64",
    "attempt": "int64",
    "lost": "bool",
    "reason": "string",
    "gpu": "int64",
    "share": "double",
    "batch": "int64",
    "aside": "int64",
}


def table(rows: list[Any], kind: Any = WorkRow) -> Table[Any]:
    made: Table[Any] = Table(kind)
    for row in rows:
        made.add(row)
    return made


@pytest.mark.parametrize("chunk", [1, 3, 5, 10, 11])
def test_packing_changes_neither_rows_nor_their_arrow_table(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = table(WORKS)
    monkeypatch.setattr(module, "CHUNK", chunk)
    packed = table(WORKS)
    assert (len(packed._counts()) - 1, len(packed._recent)) == divmod(10, chunk)  # it really was packed
    assert list(packed) == WORKS
    assert all(type(row) is WorkRow for row in packed)
    assert len(packed) == 10
    assert packed.arrow().equals(whole.arrow())


def test_the_arrow_table_holds_every_value() -> None:
    assert [tuple(row.values()) for row in table(WORKS).arrow().to_pylist()] == WORKS


@pytest.mark.parametrize("rows", [[], WORKS[1:2], WORKS], ids=["no row", "nobody's", "all"])
def test_types_are_right_even_where_a_column_holds_nothing(rows: list[WorkRow]) -> None:
    assert {field.name: str(field.type) for field in table(rows).arrow().schema} == SCHEMA


@pytest.mark.parametrize("name", list(Ledger().tables()))
def test_every_table_is_typed_when_it_is_empty(name: str) -> None:
    arrow = Ledger().tables()[name].arrow()
    assert arrow.num_rows == 0
    assert set(map(str, arrow.schema.types)) <= {"string", "int64", "double", "bool"}
    assert tuple(arrow.schema.names) == Ledger().tables()[name].row._fields


def test_whole_seconds_are_kept_as_floats_in_arrow() -> None:
    arrow = table([AbsenceRow("a", 1, 2)], AbsenceRow).arrow()
    assert arrow.schema.field("seconds").type == pyarrow.float64()
    assert arrow.to_pylist() == [{"site": "a", "start": 1.0, "seconds": 2.0, "cause": ""}]


def test_reading_does_not_end_the_writing() -> None:
    made = table(WORKS[:4])
    made.arrow()
    list(made)
    made.add(WORKS[4])
    assert list(made) == WORKS[:5]


def filled(change: bool = False) -> Ledger:
    ledger = Ledger()
    for row in WORKS:
        ledger.works.add(row)
    ledger.transfers.add(TransferRow("a", "b", None, "x", "", 1, 0.0, 1.0, 8, 0, 0.0 if not change else 0.1))
    ledger.rounds.add(RoundRow(1, 0.0, 1.0))
    return ledger


def test_ledgers_are_equal_if_all_their_rows_are() -> None:
    assert filled() == filled()
    assert filled() != filled(change=True)
    assert filled() != Ledger()
    assert (filled() == "a ledger") is False


def test_a_row_too_many_or_another_order_makes_a_difference() -> None:
    more, turned = filled(), Ledger()
    more.absences.add(AbsenceRow("a", 0.0, 1.0))
    assert more != filled()
    for row in reversed(WORKS):
        turned.works.add(row)
    straight = Ledger()
    for row in WORKS:
        straight.works.add(row)
    assert turned != straight


def test_a_packed_ledger_equals_one_that_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = filled()
    monkeypatch.setattr(module, "CHUNK", 3)
    assert filled() == whole


def test_rows_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        WORKS[0].seconds = 5.0  # type: ignore[misc]
