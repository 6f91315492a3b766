"""A search that is killed at any moment loses, doubles and half-writes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.places import ROOT
from tests.helpers.small_searches import HEAD, LEFT, RATE, searched, table
from tests.helpers.small_sweeps import TRIAL, Write, names

KILLS, POINTS = 2, 16
SCRIPT = f"""
import io, os, random, signal, sys, time
from pathlib import Path
from rich.console import Console
from simulator.experiments.search.run import run_search

import analysis
import optuna  # once, and not in each child
import simulator.experiments.trial.trial

analysis.write_search_report = lambda folder: folder / "report.html"
file, trials = Path(sys.argv[1]), Path(sys.argv[2]) / "trials"
random = random.Random(int(sys.argv[3]))

def there():
    return len([1 for place in trials.glob("*") if place.name[0] != "."]) if trials.exists() else 0

for _ in range({KILLS}):
    wanted = there() + random.randint(1, {POINTS // KILLS // 2})
    child = os.fork()
    if not child:
        run_search(file, dry=True, out=trials.parent, workers=1, console=Console(file=io.StringIO()))
        os._exit(0)
    while there() < wanted:
        time.sleep(random.random() / 1000)
    time.sleep(random.random() / 20)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    print(there(), "killed" if os.WIFSIGNALED(status) else "ended", flush=True)
run_search(file, dry=True, out=trials.parent, workers=1, console=Console(file=io.StringIO()))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 60))])
def test_a_search_that_is_killed_ends_as_an_undisturbed_one(seed: int, write: Write, tmp_path: Path) -> None:
    space = {HEAD: {"integers": [0, 4]}, RATE: {"floats": ["5 Mbit/s", "500 Mbit/s"], "log": True}}
    file = write(space=space, trials=POINTS, sampler={"name": "tpe", "first": 6})
    out = tmp_path / "out"
    command = [sys.executable, "-c", SCRIPT, str(file), str(out), f"{seed}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    said = [line.split() for line in done.stdout.splitlines()]
    counts = [int(count) for count, _ in said]
    assert [how for _, how in said] == ["killed"] * KILLS, "or this test tests nothing"
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
