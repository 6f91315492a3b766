"""A sweep that is killed at any moment loses, doubles and half-writes nothing."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.experiments.sweep.points import base, plan
from simulator.experiments.sweep.settings import load
from tests.helpers.kills import check_whole, kill_command
from tests.helpers.places import ROOT
from tests.helpers.small_sweeps import LEFT, TRIAL, Write

KILLS, POINTS = 3, 24
SCRIPT = f"""
import io, os, random, signal, sys, time
from pathlib import Path
from rich.console import Console
from simulator.experiments.sweep.run import run_sweep

file, trials = Path(sys.argv[1]), Path(sys.argv[2]) / "trials"
random = random.Random(int(sys.argv[3]))

def there():
    return len([1 for place in trials.glob("*") if place.name[0] != "."]) if trials.exists() else 0

for _ in range({KILLS}):
    wanted = there() + random.randint(1, {POINTS // KILLS})
    child = os.fork()
    if not child:
        run_sweep(file, dry=True, out=trials.parent, workers=1, console=Console(file=io.StringIO()))
        os._exit(0)
    while there() < wanted:
        time.sleep(random.random() / 1000)
    time.sleep(random.random() / 50)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    print(there(), "killed" if os.WIFSIGNALED(status) else "ended", flush=True)
run_sweep(file, dry=True, out=trials.parent, workers=1, console=Console(file=io.StringIO()))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 120))])
def test_a_sweep_that_is_killed_goes_on(seed: int, write: Write, tmp_path: Path) -> None:
    link = {"log": ["1 Mbit/s", "100 Mbit/s"], "points": POINTS}
    sweep = load(file := write(axes={"world.devices.*.uplink.rate": link}, set={"algorithms": [{"name": "fedavg"}]}))
    out = tmp_path / "out"
    command = [sys.executable, "-c", SCRIPT, str(file), str(out), f"{seed}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    said = [line.split() for line in done.stdout.splitlines()]
    counts = [int(count) for count, _ in said]
    assert [how for _, how in said] == ["killed"] * KILLS, "or this test tests nothing"
    assert sorted(set(counts)) == counts, "each time it went on"
    wanted = plan(sweep, base(sweep), dry=True).trials
    assert sorted(path.name for path in (out / "trials").iterdir()) == sorted(wanted)
    with (out / "points.csv").open(newline="") as file_:
        assert [(row["trial"], row["status"]) for row in csv.DictReader(file_)] == [(key, "done") for key in wanted]
    for key in wanted:
        assert sorted(path.name for path in (out / "trials" / key).iterdir()) == sorted([*TRIAL, "ledger"])
        assert json.loads((out / "trials" / key / "summary.json").read_text())["trials"][0]["sim_time_s"] > 0
    assert sorted(path.name for path in out.iterdir()) == sorted([*LEFT, "figures"])


LATER = [pytest.param(5 + 0.5 * step, marks=pytest.mark.slow) for step in range(20)]


@pytest.mark.parametrize("seconds", LATER)
def test_its_workers_end_with_it(seconds: float, write: Write, tmp_path: Path) -> None:
    rounds = {"training.rounds": list(range(1000, 1040))}
    file = write(axes=rounds, set={"algorithms": [{"name": "fedavg"}]})
    assert kill_command(["sweep", str(file), "--dry", "--workers", "2", "--out", "out"], seconds, tmp_path)
    check_whole(tmp_path / "out")
