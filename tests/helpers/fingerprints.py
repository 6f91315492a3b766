"""Hashes of the results of runs, a sweep and a plan, which show whether a change of the code has changed a value.

``python -m tests.helpers.fingerprints`` compares the results with those recorded, and names what differs;
``python -m tests.helpers.fingerprints --record`` records them anew. Learned values are equal only on the same kind of
processor and with the same build of torch, so that this is a tool for refactoring, and no test.
"""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from pyarrow import parquet

from tests.helpers.places import ROOT

RECORDED = ROOT / "tests" / "recorded" / "fingerprints.json"
SMALLEST = ["threads=1", "training.rounds=1", "training.clients_per_round=2", "evaluation.samples=50"]
SYNTHETIC = (
    "data={name: synthetic, samples: 1000, test_samples: 600, classes: 10, "
    "partition: {name: classes_per_client, classes: 1}}"
)
CASES: dict[str, list[str]] = {
    "quickstart, dry": ["run", "scenarios/quickstart.yaml", "--dry"],
    "quickstart, smallest": ["run", "scenarios/quickstart.yaml", *(f"--set={each}" for each in SMALLEST)],
    "vit-large, dry": ["run", "scenarios/vit-large.yaml", "--dry"],
    "splitfrozen, dry": ["run", "scenarios/splitfrozen.yaml", "--dry"],
    "label-skew, dry": ["run", "scenarios/label-skew.yaml", "--dry", f"--set={SYNTHETIC}"],
    "every algorithm": ["run", "tests/recorded/every_algorithm.yaml"],
    "every algorithm, dry": ["run", "tests/recorded/every_algorithm.yaml", "--dry"],
    "split-point, dry": ["sweep", "scenarios/sweeps/split_point.yaml", "--dry"],
    "plan of quickstart": ["plan", "scenarios/quickstart.yaml"],
}
OF_THE_MACHINE = ("wall_time_s", "version")


def tables(case: str, folder: Path) -> dict[str, dict[str, Any]]:
    """Run the command of a case, and return the columns of each table that it writes, and the summary of each trial.

    Args:
        case: a key of `CASES`.
        folder: an empty folder for the results.

    Raises:
        RuntimeError: the command failed.
    """
    out = folder / ("plan.csv" if CASES[case][0] == "plan" else "out")
    words = [sys.executable, "-m", "simulator", *CASES[case], "--out", str(out)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{case}: {done.stdout}{done.stderr}")
    results: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.rglob("*.parquet")):
        results[_place(path, folder)] = parquet.read_table(path).to_pydict()
    for path in sorted(path for name in ("rounds", "breakdown", "plan") for path in folder.rglob(f"{name}.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        results[_place(path, folder)] = dict(zip(header, zip(*rows, strict=True), strict=True))
    for path in sorted(folder.rglob("summary.json")):
        for trial in json.loads(path.read_text("utf-8"))["trials"]:
            summary = {name: value for name, value in trial.items() if name not in OF_THE_MACHINE}
            results[f"{_place(path, folder)}, {trial['label']}"] = summary
    return results


def hashes(found: dict[str, dict[str, Any]], known: dict[str, list[str]] | None = None) -> dict[str, str]:
    """Return the hash of each table.

    Args:
        found: the tables.
        known: by name of table, the columns to hash: those that it had when it was recorded; by default all.
    """
    result = {}
    for place, table in found.items():
        columns = known.get(_kind(place), list(table)) if known else list(table)
        result[place] = hashlib.sha256(repr([(name, table.get(name)) for name in columns]).encode()).hexdigest()[:12]
    return result


def _kind(place: str) -> str:
    """Return the name of a file, without its folder."""
    return place.rpartition("/")[2].partition(",")[0]


def _place(path: Path, folder: Path) -> str:
    """Return the place of a file; a sweep's trials are renamed, because their hashes depend on the version."""
    parts = list(path.relative_to(folder).parts)
    if "trials" in parts:
        at = parts.index("trials") + 1
        (trial,) = json.loads((folder.joinpath(*parts[: at + 1]) / "summary.json").read_text("utf-8"))["trials"]
        parts[at] = f"{trial['label']} {hashlib.sha256(str(trial['client_flops']).encode()).hexdigest()[:6]}"
    return "/".join(parts)


def main(words: list[str]) -> int:
    """Compare or record the cases that are named, by default all, and return the exit status."""
    chosen = [word for word in words if not word.startswith("--")] or list(CASES)
    results = {}
    for case in chosen:
        with tempfile.TemporaryDirectory() as folder:
            results[case] = tables(case, Path(folder))
        print(f"{case}: {len(results[case])} tables", file=sys.stderr)
    if "--record" in words:
        columns = {_kind(place): list(table) for each in results.values() for place, table in each.items()}
        recorded = {"columns": columns, "hashes": {case: hashes(each) for case, each in results.items()}}
        RECORDED.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n")
        return 0
    recorded = json.loads(RECORDED.read_text("utf-8"))
    now = {case: hashes(each, recorded["columns"]) for case, each in results.items()}
    differing = [
        f"{case}: {place} {'differs' if place in now[case] else 'is gone'}"
        for case in chosen
        for place, value in recorded["hashes"][case].items()
        if now[case].get(place) != value
    ]
    print("\n".join(differing) or "all figures are as recorded")
    return 1 if differing else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
