"""What a dry sweep adds to each of its trials; ``python -m tests.bench.sweeps POINTS WORKERS`` runs a whole one, too.

Process time, so that what else runs on the machine counts for little.
"""

from __future__ import annotations

import io
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import yaml
from joblib.externals.loky import get_reusable_executor
from rich.console import Console

from simulator.experiments.sweep import points, settings
from simulator.experiments.sweep import run as running
from simulator.experiments.sweep.store import Store
from simulator.experiments.trial.memory_check import dry_run_that_fits
from simulator.scenario.scenario import load
from tests.bench import report

SCENARIO = Path(__file__).with_name("sweeps.yaml")
AXES = {
    "uplink rates": {"world.devices.*.uplink.rate": ["1 Mbit/s", "1000 Mbit/s"]},
    "keep fractions": {"algorithms.*.keep_fraction": [0.01, 1.0]},
}


def swept(folder: Path, axis: str, count: int) -> Path:
    """A sweep file of so many points along one axis."""
    said = {key: {"log": ends, "points": count} for key, ends in AXES[axis].items()}
    file = folder / "sweep.yaml"
    file.write_text(yaml.safe_dump({"name": "bench", "scenario": str(SCENARIO), "axes": said}))
    return file


def overhead(axis: str, count: int) -> None:
    """A sweep in this process, warm, against its trials alone."""
    scenario = load(SCENARIO)
    entry = scenario.algorithms[0]
    dry_run_that_fits(scenario, entry, 0)
    alone = []
    for _ in range(count):
        began = time.process_time()
        dry_run_that_fits(scenario, entry, 0)
        alone.append(time.process_time() - began)
    with tempfile.TemporaryDirectory() as name:
        sweep = settings.load(swept(Path(name), axis, count))
        base = points.base(sweep)
        began = time.process_time()
        plan = points.plan(sweep, base, dry=True)
        resolved = (time.process_time() - began) / count
        store = Store(Path(name) / "out")
        kept = []
        with store.opened(sweep, base, True, "meta", False):
            for trial in plan.trials.values():
                outcome = running.outcome_of(trial)
                began = time.process_time()
                store.keep(trial, outcome, "meta", ledger=True)
                kept.append(time.process_time() - began)
            began = time.process_time()
            store.write_points(plan, sweep.keys)
            table = (time.process_time() - began) / count
    report(
        "sweep_overhead_s",
        resolved + statistics.median(kept) + table,
        axis=axis,
        points=count,
        resolved_s=resolved,
        kept_s=statistics.median(kept),
        table_s=table,
        trial_s=statistics.median(alone),
    )


def whole(count: int, workers: int) -> None:
    """A sweep in workers: seconds of the clock, and of all processors together."""
    with tempfile.TemporaryDirectory() as name:
        file = swept(Path(name), "uplink rates", count)
        began, used = time.perf_counter(), sum(os.times()[:4])
        running.run_sweep(file, dry=True, out=Path(name) / "out", workers=workers, console=Console(file=io.StringIO()))
        wall = time.perf_counter() - began
        get_reusable_executor().shutdown(wait=True)  # so that the seconds of workers are counted
        report("sweep_s", wall, points=count, workers=workers, processors_s=sum(os.times()[:4]) - used)


def main(arguments: list[str]) -> None:
    for axis in AXES:
        overhead(axis, 40)
    if arguments:
        count, workers = map(int, arguments)
        whole(count, workers)


if __name__ == "__main__":
    main(sys.argv[1:])
