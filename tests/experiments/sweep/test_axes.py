"""The values of an axis by hand, and the points of a grid."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from pydantic import ValidationError

from simulator.experiments.sweep.axes import axis_values
from simulator.experiments.sweep.points import points
from simulator.experiments.sweep.settings import Sweep, load
from simulator.settings.errors import ScenarioError
from tests.helpers.small_sweeps import Write

AXES: list[tuple[Any, list[Any]]] = [
    ([0, 1, "x", None, {"a": 1}], [0, 1, "x", None, {"a": 1}]),
    ([1, True, 1.0], [1, True, 1.0]),
    ({"range": [8, 64], "step": 28}, [8, 36, 64]),
    ({"range": [0.1, 0.7], "step": 0.2}, [0.1, 0.3, 0.5, 0.7]),
    ({"range": [0.1, 1], "points": 10}, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
    ({"range": [0, 1], "points": 3}, [0, 0.5, 1]),
    ({"range": ["1 Mbit/s", "2 Mbit/s"], "points": 3}, ["1 Mbit/s", "1.5 Mbit/s", "2 Mbit/s"]),
    ({"range": ["1 W", "3 W"], "step": "1 W"}, ["1 W", "2 W", "3 W"]),
    ({"log": [1, 1000], "points": 4}, [1, 10, 100, 1000]),
    ({"log": [8, 64], "points": 4}, [8, 16, 32, 64]),
    ({"log": [1.0, 100], "points": 3}, [1.0, 10.0, 100.0]),
    ({"log": [1e-4, 1e-2], "points": 3}, [0.0001, 0.001, 0.01]),
    (
        {"log": ["1 Mbit/s", "100 Mbit/s"], "points": 5},
        ["1 Mbit/s", "3.16228 Mbit/s", "10 Mbit/s", "31.6228 Mbit/s", "100 Mbit/s"],
    ),
]


@pytest.mark.parametrize(("said", "wanted"), AXES, ids=str)
def test_the_values_of_an_axis(said: Any, wanted: list[Any]) -> None:
    found = axis_values(said)
    assert found == wanted
    assert list(map(type, found)) == list(map(type, wanted))


WRONG: list[tuple[Any, str]] = [
    ([], "the axis is empty"),
    (3, "write a list of values"),
    ([1, 2, 1], "1 is listed twice"),
    (["1 Mbit/s", "1000 kbit/s"], '"1 Mbit/s" is "1000 kbit/s"'),
    ({"range": [1, 2]}, "say either points or step"),
    ({"range": [1, 2], "step": 1, "points": 2}, "say either points or step"),
    ({"range": [1, 2], "step": 0.3}, "the last step must end at the second end"),
    ({"range": [1, 2], "step": 0}, "the step must be more than 0"),
    ({"range": [1, 2], "points": 1}, "a whole number from 2"),
    ({"range": [2, 1], "points": 2}, "the second end must be more than the first"),
    ({"range": [1], "points": 2}, "a range has two ends"),
    ({"range": ["one", "two"], "points": 2}, '"one" is not a number'),
    ({"range": ["1 Mbit/s", "1 Gbit/s"], "points": 2}, "write both ends in the same unit"),
    ({"log": [0, 10], "points": 2}, "must be more than 0"),
    ({"log": [-1, 10], "points": 2}, "must be more than 0"),
    ({"log": ["0 W", "10 W"], "points": 2}, "must be more than 0"),
    ({"log": [1e-300, 1e300], "points": 3}, "the ends of the range are too far apart"),
    ({"log": [1, 10], "step": 2}, "a logarithmic range has points, and no step"),
    ({"log": [1, 10], "range": [1, 10], "points": 2}, "a range has two ends"),
]


@pytest.mark.parametrize(("said", "problem"), WRONG, ids=str)
def test_what_is_no_axis(said: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        axis_values(said)


def test_a_misspelt_key_of_an_axis() -> None:
    with pytest.raises(ValidationError, match='did you mean "points"'):
        axis_values({"range": [1, 2], "point": 2})


def a_sweep(**said: Any) -> Sweep:
    return Sweep.model_validate({"name": "s", "scenario": "x.yaml", **said})


def test_the_grid_is_the_product_of_its_dimensions() -> None:
    sweep = a_sweep(axes={"a": [1, 2], "b": [3, 4, 5]}, zip=[{"c": [6, 7], "d": [8, 9]}])
    wanted = [{"a": a, "b": b, "c": c, "d": d} for a, b, (c, d) in product([1, 2], [3, 4, 5], [(6, 8), (7, 9)])]
    assert list(points(sweep)) == wanted
    assert [list(point) for point in points(sweep)] == [["a", "b", "c", "d"]] * 12


def test_a_sample_is_a_part_of_the_grid_in_its_order() -> None:
    axes = {"a": {"range": [1, 100], "step": 1}, "b": {"range": [1, 100], "step": 1}}
    grid = list(points(a_sweep(axes=axes)))
    sample, again, other = (list(points(a_sweep(axes=axes, sample={"points": 50, "seed": seed}))) for seed in (0, 0, 1))
    places = [grid.index(point) for point in sample]
    assert places == sorted(set(places))
    assert len(sample) == 50
    assert sample == again != other


def test_a_sample_of_a_grid_too_large_to_be_listed() -> None:
    axes = {name: {"range": [1, 1000], "step": 1} for name in "abcd"}
    assert len(list(points(a_sweep(axes=axes, sample={"points": 3})))) == 3


FILES: list[tuple[dict[str, Any], str]] = [
    ({}, "line 1: axes: there is no axis"),
    ({"axes": {"a.b": []}}, "line 4: axes.a.b is []: the axis is empty"),
    ({"axes": {"a": {"log": [0, 1], "points": 2}}}, "axes.a: both ends of a logarithmic range must be more than 0"),
    ({"zip": [{"a": [1, 2], "b": [1]}]}, "zip.0: axes that move together are equally long (a: 2, b: 1)"),
    ({"axes": {"a": [1]}, "zip": [{"a": [1]}]}, "axes.a: it is an axis twice"),
    ({"axes": {"a": [1]}, "set": {"a": 2}}, "set.a: it is an axis, which sets it in every point"),
    ({"axes": {"seeds": [[0], [1]]}}, "axes.seeds: seeds are not an axis"),
    ({"axes": {"a": [1, 2]}, "sample": {"points": 3}}, "the grid has fewer points (allowed: 1 to 2)"),
    ({"axis": {"a": [1]}}, 'there is no such key; did you mean "axes"?'),
    (
        {"axes": {"a": {"range": [1, 10_000], "step": 1}, "b": {"range": [1, 11], "step": 1}}},
        "the grid has 110000 points",
    ),
]


@pytest.mark.parametrize(("said", "problem"), FILES, ids=lambda value: str(value)[:40])
def test_what_is_no_sweep_is_one_message_with_the_line(said: dict[str, Any], problem: str, write: Write) -> None:
    with pytest.raises(ScenarioError) as found:
        load(write(**said))
    assert problem in str(found.value)
    assert str(found.value).count("\n") == 0
    assert "sweep.yaml, line " in str(found.value)
