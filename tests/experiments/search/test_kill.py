"""A search that is killed at any moment loses, doubles and half-writes nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.helpers.kills import kill_between
from tests.helpers.small_searches import HEAD, LEFT, RATE, searched, table
from tests.helpers.small_sweeps import TRIAL, Write, names

KILLS, POINTS = 2, 16


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 60))])
def test_a_search_that_is_killed_ends_as_an_undisturbed_one(seed: int, write: Write, tmp_path: Path) -> None:
    space = {HEAD: {"integers": [0, 4]}, RATE: {"floats": ["5 Mbit/s", "500 Mbit/s"], "log": True}}
    file = write(space=space, trials=POINTS, sampler={"name": "tpe", "first": 6})
    out = tmp_path / "out"
    done = kill_between(lambda: searched(file, out=out), out / "trials", KILLS, POINTS // KILLS // 2, 0.05, seed)
    searched(file, out=out)
    counts = [count for count, _ in done]
    assert all(killed for _, killed in done), "or this test tests nothing"
    assert sorted(set(counts)) == counts, "each time it went on"
    undisturbed = searched(file, out=tmp_path / "undisturbed")
    drawn = [[(row[HEAD], row[RATE], row["status"], row["front"]) for row in table(where)]
             for where in (out, undisturbed)]  # fmt: skip
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) >= POINTS
    assert names(out / "trials") == names(undisturbed / "trials")
    for place in (out / "trials").iterdir():
        assert names(place) == sorted(TRIAL)
    assert names(out) == names(undisturbed)
    assert set(LEFT) <= set(names(out))
