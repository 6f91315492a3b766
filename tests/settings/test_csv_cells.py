"""Cells that begin like a formula: a spreadsheet reads text, and our readers read what was written."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.settings.csv_cells import escaped, escaped_row, unescaped, unescaped_row

TEXTS = st.text() | st.builds(str.__add__, st.text("'=+-@\t\r\n", max_size=4), st.text("0123456789.e=x", max_size=4))


@given(TEXTS)
def test_every_text_comes_back(text: str) -> None:
    assert unescaped(escaped(text)) == text


@given(TEXTS)
def test_no_cell_begins_like_a_formula_but_a_number(text: str) -> None:
    cell = escaped(text)
    if cell[:1] in ("=", "+", "-", "@", "\t", "\r", "\n"):
        float(cell)
        assert cell == text


@given(st.integers() | st.floats() | st.none() | st.booleans())
def test_numbers_stay_as_they_are(value: float | None) -> None:
    assert escaped(value) is value
    assert escaped(str(value)) == str(value)


def test_what_owasp_lists() -> None:
    for text in ("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", '=cmd|"/c calc"!A1'):
        assert escaped(text) == f"'{text}"
    for text in ("", "roses", "a=b", "'tis", "-1", "+2.5e-3", "-.5"):
        assert escaped(text) == text


@pytest.mark.parametrize("name", ["=cmd()", "'=cmd()", "-1+2", "@x", "plain", "a,b", "\tx"])
def test_a_class_is_read_as_it_was_written(name: str, tmp_path: Path) -> None:
    from analysis.reading import read_csv
    from simulator.experiments.run.csv_tables import Table, write_csv

    path = tmp_path / "clients.csv"
    write_csv(path, [Table(("class_name", "samples"), [(name, -3), ("roses", 2)])])
    frame = read_csv(path, ("class_name", "samples"))
    assert frame["class_name"].tolist() == [name, "roses"]
    assert frame["samples"].tolist() == [-3, 2]


def test_rows_and_headings() -> None:
    text = io.StringIO()
    csv.writer(text).writerows([escaped_row(["=a", "b"]), escaped_row(["@x", -1])])
    assert text.getvalue() == "'=a,b\r\n'@x,-1\r\n"
    text.seek(0)
    assert [unescaped_row(row) for row in csv.DictReader(text)] == [{"=a": "@x", "b": "-1"}]
