"""A tiny scenario, and sweeps over it that take a moment: dry, images of eight pixels a side, ten devices."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from simulator.experiments.sweep.run import run_sweep

SCENARIO = """\
name: tiny
world:
  devices:
    - {name: raspberry-pi-4, count: 6, uplink: {rate: 20 Mbit/s}}
    - {name: jetson-nano, count: 4, uplink: {rate: 20 Mbit/s}}
  server: {name: rtx-4090}
model: {name: random, image_size: 8}
data: {name: synthetic, samples: 40, test_samples: 20}
training: {rounds: 1, clients_per_round: 2, batch_size: 32, optimizer: {name: sgd, learning_rate: 0.05}}
algorithms:
  - {name: fedavg, label: FL, training: {train: linear}}
  - {name: splitfed, label: SFL, head: 1, tail: 1}
"""
Write = Callable[..., Path]
LEFT = [".lock", "environment.json", "points.csv", "report.html", "sweep.yaml", "trials"]
"""The files in the folder of a sweep, beside its figures."""
TRIAL = [
    *("breakdown.csv", "clients.csv", "critical_path.csv", "environment.json", "queues.csv", "rounds.csv"),
    *("scenario.yaml", "summary.json", "waits.csv"),
]
"""The files in the folder of each of its trials, beside the ledger."""


def swept(file: Path, *overrides: str, **options: Any) -> Path:
    """Run a sweep, dry and in this process unless options say otherwise, and return its folder."""
    defaults = {"dry": True, "out": file.parent / "out", "workers": 1, "console": Console(file=io.StringIO())}
    return run_sweep(file, overrides, **defaults | options)


def names(folder: Path) -> list[str]:
    """Return the sorted names of what lies in a folder."""
    return sorted(path.name for path in folder.iterdir())
