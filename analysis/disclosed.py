"""What leaves the devices beside what is computed of the data: labels, or the data themselves."""

from __future__ import annotations

import pandas as pd

from analysis.runs import Run

_DATA = ("labels", "images")


def sent_kinds(run: Run, label: str) -> set[tuple[str, str]] | None:
    """Kinds of payloads and their directions in the label's first trial; None where its ledger is not there."""
    path = run.folder / "ledger" / f"{label}-{run.seeds(label)[0]}" / "transfers.parquet"
    if not path.is_file():
        return None
    found = pd.read_parquet(path, columns=["kind", "target", "client"])
    ways = (found["target"] == found["client"]).map({True: "down", False: "up"})
    return set(zip(found["kind"], ways, strict=True))


def disclosed(run: Run) -> dict[str, list[str]]:
    """Kinds of payloads that devices send and that hold labels or images, by their name: the labels of the algorithms.

    As the ledger of each algorithm's first seed has them. A ledger that is not there tells nothing.
    """
    found: dict[str, list[str]] = {}
    for label in run.labels:
        for kind, way in sorted(sent_kinds(run, label) or ()):
            if way == "up" and any(word in kind for word in _DATA):
                found.setdefault(kind, []).append(label)
    return found
