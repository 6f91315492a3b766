"""What runs, a sweep and a plan leave, as hashes: whether a change of the code changed a figure.

``python -m tests.helpers.fingerprints`` compares with what was recorded and names what differs;
``python -m tests.helpers.fingerprints --record`` records anew. Learned figures are equal on one kind of processor and
one build of torch alone, so this is a tool for whoever moves code and no test.
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
    """What a command leaves: the columns of each table of ledgers and figures, and the figures of each trial."""
    out = folder / ("plan.csv" if CASES[case][0] == "plan" else "out")
    words = [sys.executable, "-m", "simulator", *CASES[case], "--out", str(out)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{case}: {done.stdout}{done.stderr}")
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.rglob("*.parquet")):
        found[_place(path, folder)] = parquet.read_table(path).to_pydict()
    for path in sorted(path for name in ("rounds", "breakdown", "plan") for path in folder.rglob(f"{name}.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        found[_place(path, folder)] = dict(zip(header, zip(*rows, strict=True), strict=True))
    for path in sorted(folder.rglob("summary.json")):
        for trial in json.loads(path.read_text("utf-8"))["trials"]:
            figures = {name: value for name, value in trial.items() if name not in OF_THE_MACHINE}
            found[f"{_place(path, folder)}, {trial['label']}"] = figures
    return found


def hashes(found: dict[str, dict[str, Any]], known: dict[str, list[str]] | None = None) -> dict[str, str]:
    """A hash a table; ``known``: of the columns that tables of the same name had when they were recorded."""
    result = {}
    for place, table in found.items():
        columns = known.get(_kind(place), list(table)) if known else list(table)
        result[place] = hashlib.sha256(repr([(name, table.get(name)) for name in columns]).encode()).hexdigest()[:12]
    return result


def _kind(place: str) -> str:
    """The name of a file, whatever folder it lies in."""
    return place.rpartition("/")[2].partition(",")[0]


def _place(path: Path, folder: Path) -> str:
    """Where a file lies; a sweep's trials are named by what they are, which the version is a part of."""
    parts = list(path.relative_to(folder).parts)
    if "trials" in parts:
        at = parts.index("trials") + 1
        (trial,) = json.loads((folder.joinpath(*parts[: at + 1]) / "summary.json").read_text("utf-8"))["trials"]
        parts[at] = f"{trial['label']} {hashlib.sha256(str(trial['client_flops']).encode()).hexdigest()[:6]}"
    return "/".join(parts)


def main(words: list[str]) -> int:
    chosen = [word for word in words if not word.startswith("--")] or list(CASES)
    found = {}
    for case in chosen:
        with tempfile.TemporaryDirectory() as folder:
            found[case] = tables(case, Path(folder))
        print(f"{case}: {len(found[case])} tables", file=sys.stderr)
    if "--record" in words:
        columns = {_kind(place): list(table) for each in found.values() for place, table in each.items()}
        recorded = {"columns": columns, "hashes": {case: hashes(each) for case, each in found.items()}}
        RECORDED.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n")
        return 0
    recorded = json.loads(RECORDED.read_text("utf-8"))
    now = {case: hashes(each, recorded["columns"]) for case, each in found.items()}
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
