"""A sweep that is killed at any moment loses, doubles and half-writes nothing."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest

from simulator.experiments.sweep.points import base, plan
from simulator.experiments.sweep.settings import load
from tests.helpers.kills import check_whole, kill_between, kill_command
from tests.helpers.small_sweeps import LEFT, TRIAL, Write, swept

KILLS, POINTS = 3, 24


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 120))])
def test_a_sweep_that_is_killed_goes_on(seed: int, write: Write, tmp_path: Path) -> None:
    link = {"log": ["1 Mbit/s", "100 Mbit/s"], "points": POINTS}
    sweep = load(file := write(axes={"world.devices.*.uplink.rate": link}, set={"algorithms": [{"name": "fedavg"}]}))
    out = tmp_path / "out"
    done = kill_between(lambda: swept(file, out=out), out / "trials", KILLS, POINTS // KILLS, 0.02, seed)
    swept(file, out=out)
    counts = [count for count, _ in done]
    assert all(killed for _, killed in done), "or this test tests nothing"
    assert sorted(set(counts)) == counts, "each time it went on"
    wanted = plan(sweep, base(sweep), dry=True).trials
    assert sorted(path.name for path in (out / "trials").iterdir()) == sorted(wanted)
    with (out / "points.csv").open(newline="") as file_:
        assert [(row["trial"], row["status"]) for row in csv.DictReader(file_)] == [(key, "done") for key in wanted]
    for key in wanted:
        assert sorted(path.name for path in (out / "trials" / key).iterdir()) == sorted([*TRIAL, "ledger"])
        assert json.loads((out / "trials" / key / "summary.json").read_text())["trials"][0]["sim_time_s"] > 0
    assert sorted(path.name for path in out.iterdir()) == sorted(LEFT)


LATER = [pytest.param(5 + 0.5 * step, marks=pytest.mark.slow) for step in range(20)]


@pytest.mark.parametrize("seconds", LATER)
def test_its_workers_end_with_it(seconds: float, write: Write, tmp_path: Path) -> None:
    rounds = {"training.rounds": list(range(1000, 1040))}
    file = write(axes=rounds, set={"algorithms": [{"name": "fedavg"}]})
    assert kill_command(["sweep", str(file), "--dry", "--workers", "2", "--out", "out"], seconds, tmp_path)
    check_whole(tmp_path / "out")
