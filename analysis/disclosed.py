"""What leaves the devices beside what is computed of the data: labels, or the data themselves."""

from __future__ import annotations

import pandas as pd

from analysis.runs import Run

_DATA = ("labels", "images")


def disclosed(run: Run) -> dict[str, list[str]]:
    """Kinds of payloads that devices send and that hold labels or images, by their name: the labels of the algorithms.

    As the ledger of each algorithm's first seed has them. A ledger that is not there tells nothing.
    """
    found: dict[str, list[str]] = {}
    for label in run.labels:
        path = run.folder / "ledger" / f"{label}-{run.seeds(label)[0]}" / "transfers.parquet"
        if not path.is_file():
            continue
        sent = pd.read_parquet(path, columns=["kind", "target", "client"])
        up = sent.loc[sent["target"] != sent["client"], "kind"]
        for kind in up.unique():
            if any(word in str(kind) for word in _DATA):
                found.setdefault(str(kind), []).append(label)
    return found
