"""``jobs_speed_up``: the quickstart's wall time with two trials at once, as a share of one after another."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

QUICKSTART = Path(__file__).parents[2] / "scenarios" / "quickstart.yaml"


def main() -> None:
    """Print the share, which is at most 0.65 on two idle cores; with one core, nothing is gained."""
    with tempfile.TemporaryDirectory() as folder:
        one, two = (_seconds(jobs, Path(folder) / f"{jobs}") for jobs in (1, 2))
    print(json.dumps({"name": "jobs_speed_up", "value": round(two / one, 3), "one_s": round(one, 1)}), flush=True)


def _seconds(jobs: int, out: Path) -> float:
    began = time.perf_counter()
    command = [sys.executable, "-m", "simulator", "run", str(QUICKSTART), "--jobs", f"{jobs}", "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
