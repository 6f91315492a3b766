"""Whole runs of many devices from the command line, beside a bare SimPy program with as many timeouts: seconds of a
core, how they grow, and the memory that they take."""

from __future__ import annotations

import gc
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import simpy

from tests.bench import report
from tests.helpers.places import ROOT

SCENARIO, SPLIT = "scenarios/scale/131072.yaml", "scenarios/scale/10000-sfprompt.yaml"
SIZES = (1_024, 10_240, 131_072)
CROWDED, UNCROWDED = "10 Gbit/s", "10 Tbit/s"
MEASURE = """
import json, resource, sys
from simulator.cli import main
sys.argv = ["sfsim", *sys.argv[1:]]
try:
    main()
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]), file=sys.stderr)
"""


def bare(clients: int, waits: int) -> float:
    """Return the processor seconds of a SimPy program whose processes wait as often as the clients do.

    Args:
        clients: how many processes.
        waits: how many timeouts they have altogether.
    """
    env = simpy.Environment()

    def client(seconds: float, times: int) -> Iterator[Any]:
        for _ in range(times):
            yield env.timeout(seconds)

    def times(number: int) -> int:
        return waits * (number + 1) // clients - waits * number // clients

    gc.collect()
    began = time.process_time()
    env.run(env.all_of([env.process(client(1 + number % 97, times(number))) for number in range(clients)]))
    return time.process_time() - began


def run(scenario: str, settings: Sequence[str] = ()) -> tuple[float, float, int, dict[str, Any]]:
    """Run a scenario dry in a process of its own.

    The value is its processor seconds, its peak in MB, the rows of its works and transfers, and its first summary.
    """
    with tempfile.TemporaryDirectory() as name:
        words = ["run", scenario, "--dry", "--yes", "--out", f"{name}/out"]
        words += [word for setting in settings for word in ("--set", setting)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, *words],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        seconds, megabytes = json.loads(done.stderr.splitlines()[-1])
        out = Path(name) / "out"
        summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
        files = [file for kind in ("works", "transfers") for file in out.glob(f"ledger/**/{kind}.parquet")]
        return seconds, megabytes, sum(pq.read_metadata(file).num_rows for file in files), summary["trials"][0]


def of_size(clients: int, port: str) -> list[str]:
    """Return the settings that make the fleet smaller, in the same proportions."""
    shares = (clients // 2, clients // 4, clients // 4)
    return [
        *(f"world.devices.{index}.count={count}" for index, count in enumerate(shares)),
        f"training.clients_per_round={clients}",
        f"world.server.uplink.rate={port}",
        f"world.server.downlink.rate={port}",
    ]


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """Return the exponent of growth: the slope of a line through the logarithms."""
    x, y = [math.log(size) for size in sizes], [math.log(value) for value in seconds]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / sum((a - mean_x) ** 2 for a in x)


def main() -> None:
    for port in (CROWDED, UNCROWDED):
        figures = []
        for clients in SIZES:
            seconds, megabytes, rows, trial = run(SCENARIO, of_size(clients, port))
            beside = bare(clients, rows)
            figures.append(seconds)
            report(
                "scale_vs_bare_simpy",
                seconds / beside,
                clients=clients,
                port=port,
                rows=rows,
                seconds=seconds,
                bare_s=beside,
                megabytes=megabytes,
                simulated_s=trial["sim_time_s"],
            )
        report("scale_exponent", exponent(SIZES, figures), port=port, sizes=list(SIZES))
    seconds, megabytes, rows, _ = run(SCENARIO, [*of_size(10_240, CROWDED), "training.rounds=10"])
    beside = bare(10_240, rows)
    report("scale_ten_rounds_vs_bare_simpy", seconds / beside, seconds=seconds, rows=rows, megabytes=megabytes)
    rates = []
    for clients in (100, 10_000):
        halves = [f"world.devices.{index}.count={clients // 2}" for index in range(2)]
        seconds, megabytes, rows, trial = run(SPLIT, [*halves, f"training.clients_per_round={clients}"])
        rates.append(rows / trial["wall_time_s"])
        report("split_rows_per_s", rates[-1], clients=clients, rows=rows, seconds=seconds, megabytes=megabytes)
    report("split_rows_per_s_of_many", rates[1] / rates[0])


if __name__ == "__main__":
    main()
