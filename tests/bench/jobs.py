"""``jobs_speed_up``: the quickstart's wall time with two trials at once, as a share of one after another.

Each trial has one thread. Three of the four are about equally long, so that two workers need at least 0.63 of the time,
and what comes before and after the trials is the same in both.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import report
from tests.helpers.places import SCENARIOS


def main() -> None:
    """Print the share; with one core, nothing is gained."""
    with tempfile.TemporaryDirectory() as folder:
        one, two = (_seconds(jobs, Path(folder) / f"{jobs}") for jobs in (1, 2))
    report("jobs_speed_up", two / one, one_after_another_s=one, two_at_once_s=two)


def _seconds(jobs: int, out: Path) -> float:
    began = time.perf_counter()
    command = [
        sys.executable,
        "-m",
        "simulator",
        "run",
        str(SCENARIOS / "quickstart.yaml"),
        "--jobs",
        f"{jobs}",
        "--out",
        str(out),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
