"""Symbols write down what is computed with them; what they wrote down computes the same."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.accounting.twins.base import Load, Transfer, Work
from simulator.accounting.twins.fl import Device, fl
from simulator.accounting.twins.symbols import Script, Tables, floor, largest, run, smallest, total

NUMBERS = st.floats(0.1, 1e3)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_a_program_computes_what_the_function_does(a: float, b: float, c: float) -> None:
    def function(x, y, z):  # type: ignore[no-untyped-def]
        return largest(2 * x + y / z - 1, smallest(x, 3 - z), floor(y)) + (1 - x) * z / 7 + total([x, y]) + sum([y, z])

    script = Script()
    program = script.program(out=function(*map(script.input, "xyz")))
    assert run(program, script.tables.rows, x=a, y=b, z=c)["out"] == pytest.approx(function(a, b, c), rel=1e-12)


def test_what_is_computed_twice_is_written_once() -> None:
    script = Script()
    x = script.input("x")
    assert len(script.program(a=(x + 1) * (x + 1), b=x + 1).lines) == 4, "x, 1, x + 1, and its square"


def test_lines_that_no_output_needs_are_left_out() -> None:
    script = Script()
    x = script.input("x")
    _ = x * 5
    assert [line[0] for line in script.program(out=x + 1).lines] == ["in", "=", "+"]


def test_tables_are_looked_up_and_kept_once() -> None:
    tables = Tables()
    script = Script(tables)
    row, column = script.input("row"), script.input("column")
    program = script.program(a=script.of([1.5, 2.5], row), b=script.of([[1.0, 2.0], [3.0, 4.0]], row, column))
    other = Script(tables)
    other.program(a=other.of([1.5, 2.5], other.input("row")))
    assert len(tables.rows) == 2
    assert run(program, tables.rows, row=1, column=0) == {"a": 2.5, "b": 3.0}


def test_a_table_of_equal_values_is_a_number() -> None:
    script = Script()
    assert script.of([[2.0, 2.0], [2.0, 2.0]], script.input("row"), script.input("column")) == 2.0


def test_nothing_can_be_decided_by_a_symbol() -> None:
    x = Script().input("x")
    for decide in (lambda: x > 1, lambda: x < 1, lambda: bool(x), lambda: max(x, 1)):
        with pytest.raises(TypeError, match="no value yet"):
            decide()


def test_neutral_numbers_write_nothing() -> None:
    script = Script()
    x = script.input("x")
    assert x + 0 == x == x * 1 == x - 0
    assert (x * 0, 0 / x) == (0, 0)


def test_numbers_stay_numbers() -> None:
    assert (largest(1.0, 3.0), smallest(1.0, 3.0), floor(2.7)) == (3.0, 1.0, 2)
    assert total([0.1] * 10) == math.fsum([0.1] * 10)


def test_a_load_is_multiplied_by_a_symbol() -> None:
    script = Script()
    load = script.input("times") * Load(compute_s=2.0, flops=3)
    found = run(script.program(seconds=load.compute_s, flops=load.flops), [], times=4)
    assert found == {"seconds": 8.0, "flops": 12.0}


def test_the_twin_of_fl_by_hand() -> None:
    """Two devices, 8 bytes at x and at 2 bytes/s, 3 batches of 5 s and 2 of 1 s: the slower one, and 0.5 s of mean."""
    script = Script()
    rate = script.input("rate")
    sent = [Transfer.over(8, rate), Transfer.over(8, 2.0)]
    devices = [Device(sent[0], [(3, Work(5.0))], sent[0]), Device(sent[1], [(2, Work(1.0))], sent[1])]
    program = script.program(seconds=fl(devices, Work(0.5)).seconds)
    assert run(program, [], rate=4.0)["seconds"] == 2 + 15 + 2 + 0.5
    assert run(program, [], rate=0.5)["seconds"] == 16 + 15 + 16 + 0.5
