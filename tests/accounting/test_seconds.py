"""A machine's table: what is between its rows, and what no table is."""

from math import inf, nan
from typing import Any

import pytest

from simulator.accounting.seconds import interpolated, read_table

ROWS = ((2, 3.0), (4, 4.0), (8, 10.0))


@pytest.mark.parametrize(
    ("samples", "seconds"),
    [
        (2, 3.0),
        (4, 4.0),
        (8, 10.0),
        (3, 3.5),  # half way from 3 to 4
        (5, 5.5),  # a quarter of the way from 4 to 10
        (7, 8.5),
        (1, 2.5),  # half a second a sample, as between the first two
        (12, 16.0),  # a second and a half a sample, as between the last two
    ],
)
def test_between_beyond_and_before_the_rows(samples: int, seconds: float) -> None:
    assert interpolated(ROWS, samples) == seconds


def test_one_row_is_so_many_seconds_a_sample() -> None:
    assert [interpolated(((4, 2.0),), samples) for samples in (1, 4, 6)] == [0.5, 2.0, 3.0]


def test_no_time_is_negative() -> None:
    assert interpolated(((4, 1.0), (8, 5.0)), 1) == 0.0
    assert interpolated(((1, 2.0), (2, 1.0)), 9) == 0.0


def test_a_table_is_read_as_it_is_written() -> None:
    read = read_table({"Block ab forward": [[1, 0.5], [32, 2]], "Head cd sgd": [[1, 0]]})
    assert read == {"Block ab forward": ((1, 0.5), (32, 2.0)), "Head cd sgd": ((1, 0.0),)}
    assert read_table(read) == read


@pytest.mark.parametrize(
    "rows",
    [
        *([], 3, "1, 2", {"1": 2}, [1, 2], [[1]], [[1, 2, 3]]),
        *([[0, 1.0]], [[1.5, 2.0]], [[True, 2.0]]),
        *([[1, -1.0]], [[1, "2 s"]], [[1, nan]], [[1, inf]], [[1, None]]),
    ],
)
def test_rows_that_are_none(rows: Any) -> None:
    with pytest.raises(ValueError, match=r'its "Block" must be a list of \[samples, seconds\]'):
        read_table({"Head": [[1, 1.0]], "Block": rows})


@pytest.mark.parametrize("rows", [[[2, 1.0], [1, 1.0]], [[1, 1.0], [1, 2.0]]])
def test_rows_out_of_order(rows: Any) -> None:
    with pytest.raises(ValueError, match='its "Block" must have its rows in the order of their samples'):
        read_table({"Block": rows})


@pytest.mark.parametrize("table", [{}, [], None, "none", 3])
def test_no_table_at_all(table: Any) -> None:
    with pytest.raises(ValueError, match="must be a mapping of pieces of work"):
        read_table(table)
