"""The accuracies of the trials of some sweeps in one small CSV file, and beside it how they were measured.

Each trial is a row. Accuracies are those of its summary.
Trials that failed or are still missing are left out.

sfsim sweep scenarios/sweeps/claims_accuracy.yaml --no-ledger --out runs/claims-accuracy
python examples/collect_accuracies.py accuracy.csv runs/claims-accuracy
"""

from __future__ import annotations

import csv
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from analysis import load_sweep
from simulator.calibration.machine import processor

KEYS = ("head", "tail", "prompts.length", "local_epochs", "keep", "keep_fraction")
"""Keys of an algorithm's entry that have a column; empty where the algorithm has no such key."""
ACCURACIES = ("final_accuracy", "settled_accuracy", "best_accuracy")
"""The accuracies of a trial's summary that have a column."""


def rows(folder: Path) -> list[dict[str, Any]]:
    """Return a row for each finished trial of a sweep."""
    sweep = load_sweep(folder)
    done = sweep.summary[sweep.summary["status"] == "done"].drop_duplicates("trial")
    return [row(folder / "trials" / summary["trial"], summary) for summary in done.to_dict("records")]


def row(folder: Path, summary: dict[str, Any]) -> dict[str, Any]:
    """Return the row of one trial, from its scenario and its summary."""
    scenario = yaml.safe_load((folder / "scenario.yaml").read_text(encoding="utf-8"))
    (entry,), partition = scenario["algorithms"], scenario["data"]["partition"]
    optimizer = scenario["training"]["optimizer"] | (entry.get("training") or {}).get("optimizer", {})
    return {
        "label": entry["label"],
        "seed": scenario["seeds"][0],
        "partition": " ".join(str(partition[key]) for key in ("name", "alpha", "classes") if key in partition),
        **{key: _at(entry, key) for key in KEYS if entry["name"] == "sfprompt" or key in ("head", "tail")},
        "learning_rate": entry.get("split_learning_rate") or optimizer["learning_rate"],
        **{key: round(summary[key], 4) for key in ACCURACIES},
        "rounds": int(summary["rounds"]),
    }


def _at(entry: dict[str, Any], key: str) -> Any:
    """Return the value of a dotted key; empty if there is none."""
    value: Any = entry
    for word in key.split("."):
        value = value.get(word, "") if isinstance(value, dict) else ""
    return value


def notes(folders: list[Path]) -> str:
    """Return when, on what and with which versions the sweeps were measured, as Markdown."""
    lines = [f"Collected on {datetime.now(UTC):%Y-%m-%d} by `examples/collect_accuracies.py`, on {processor()}.", ""]
    for folder in folders:
        sweep = load_sweep(folder)
        run = sweep.run(sweep.summary.loc[sweep.summary["status"] == "done", "trial"].iloc[0])
        environment = run.environment
        packages, data = environment["packages"], run.scenario["data"]
        done = int((sweep.summary["status"] == "done").sum())
        lines.append(
            f"- {sweep.name}: {done} of {len(sweep.summary)} trials, sfsim {sweep.version}, torch {packages['torch']}, "
            f"timm {packages['timm']}, threads: {environment['threads']}, data: {data['name']}, limit {data['limit']}: "
            f"`sfsim sweep scenarios/sweeps/{sweep.name.replace('-', '_')}.yaml --no-ledger --workers 1`"
        )
    return "\n".join((*lines, ""))


def main(out: Path, folders: list[Path]) -> None:
    collected = [row for folder in folders for row in rows(folder)]
    columns = list(dict.fromkeys(("label", "seed", "partition", *KEYS, *(key for row in collected for key in row))))
    with out.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(collected)
    out.with_suffix(".md").write_text(notes(folders), encoding="utf-8")
    print(out, out.with_suffix(".md"))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), [Path(folder) for folder in sys.argv[2:]])
