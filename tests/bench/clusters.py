"""What Ray adds to a trial: dry trials on workers of Ray and on processes of joblib, two each on this machine.

From one of the first results to the last, so that neither has to start its workers: seconds of the clock, and of the
processors in all processes together, which count what else runs on the machine for little.
"""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from joblib.externals.loky import get_reusable_executor

from simulator.experiments.executors.base import Executor
from simulator.experiments.executors.local import Joblib
from simulator.experiments.executors.ray import Ray
from simulator.experiments.sweep import points, settings
from simulator.experiments.sweep.run import Run
from simulator.experiments.sweep.store import Store
from tests.bench import report
from tests.bench.sweeps import swept

COUNT, WARM, WORKERS = 200, 20, 2
MARK = "SFSIM_BENCH"


def timed(executor: Executor, function: Run, items: list[Any]) -> tuple[float, float]:
    """Seconds a trial: of the clock, and of the processors."""
    results = executor.map(function, items)
    for _ in range(WARM):
        next(results)
    began, used = time.perf_counter(), processors()
    for _ in range(len(items) - WARM - 1):
        next(results)
    seconds = time.perf_counter() - began, processors() - used
    for _ in results:
        pass
    wall, busy = (each / (len(items) - WARM - 1) for each in seconds)
    return wall, busy


def processors() -> float:
    """Seconds of the processors so far: of this process, and of those that it has started."""
    ticks, mark = 0, f"{MARK}={os.getpid()}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it is gone, or another user's
            if mark in (process / "environ").read_bytes():
                ticks += sum(map(int, (process / "stat").read_text().rpartition(")")[2].split()[11:13]))
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def main() -> None:
    os.environ[MARK] = str(os.getpid())  # whoever is started from here has it, too
    executors = {"joblib": Joblib(WORKERS, 1), "ray": Ray(WORKERS, 1, "local")}
    with tempfile.TemporaryDirectory() as name:
        sweep = settings.load(swept(Path(name), "uplink rates", COUNT))
        plan = points.plan(sweep, points.base(sweep), dry=True)
        found = {
            kind: timed(executor, Run(Store(Path(name) / kind), "meta", True), list(plan.trials.values()))
            for kind, executor in executors.items()
        }
    get_reusable_executor().shutdown(wait=True)
    report(
        "ray_adds_s",
        found["ray"][0] - found["joblib"][0],
        trials=COUNT,
        workers=WORKERS,
        ray_s=found["ray"][0],
        joblib_s=found["joblib"][0],
        processors_ray_s=found["ray"][1],
        processors_joblib_s=found["joblib"][1],
    )


if __name__ == "__main__":
    main()
