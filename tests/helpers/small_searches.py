"""Small searches over the tiny scenario of sweeps, which take a moment: dry, and in this process."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from rich.console import Console

from simulator.experiments.search.run import run_search

HEAD = "algorithms.SFL.head"
RATE = "world.devices.*.uplink.rate"
SPACE = {HEAD: {"integers": [0, 3]}, RATE: ["5 Mbit/s", "20 Mbit/s", "80 Mbit/s"]}
OBJECTIVES = [{"minimise": "sim_time_s"}, {"minimise": "server_flops"}]
LEFT = [".lock", "best.yaml", "environment.json", "journal.log", "search.yaml", "suggestions.csv", "trials"]
"""The files in the folder of a search, beside its report and its front."""


def searched(file: Path, *overrides: str, **options: Any) -> Path:
    """Run a search, dry and in this process unless options say otherwise, and return its folder."""
    defaults = {"dry": True, "out": file.parent / "out", "workers": 1, "console": Console(file=io.StringIO())}
    return run_search(file, overrides, **defaults | options)


def table(folder: Path) -> list[dict[str, str]]:
    """Return the rows of the table of suggestions."""
    with (folder / "suggestions.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def new(folder: Path) -> list[dict[str, str]]:
    """Return the rows of suggestions that are no repetitions."""
    return [row for row in table(folder) if not row["repeats"]]
