"""What devices disclose: payloads that hold labels, images or texts, not only what is computed from them."""

from __future__ import annotations

import pandas as pd

from analysis.runs import Run

_DATA = ("labels", "images", "texts")


def sent_kinds(run: Run, label: str) -> set[tuple[str, str]] | None:
    """Return the payload kinds and their directions in the label's first trial; None if its ledger was not kept."""
    path = run.folder / "ledger" / f"{label}-{run.seeds(label)[0]}" / "transfers.parquet"
    if not path.is_file():
        return None
    transfers = pd.read_parquet(path, columns=["kind", "target", "client"])
    directions = (transfers["target"] == transfers["client"]).map({True: "down", False: "up"})
    return set(zip(transfers["kind"], directions, strict=True))


def disclosed(run: Run) -> dict[str, list[str]]:
    """Return the payload kinds with labels, images or texts that devices send, each with the algorithms that send it.

    What a payload holds is judged by the name of its kind. Kinds are read from the ledger of each algorithm's first
    seed; an algorithm whose ledger was not kept is left out.

    Returns:
        By kind, the labels of the algorithms.
    """
    senders: dict[str, list[str]] = {}
    for label in run.labels:
        for kind, direction in sorted(sent_kinds(run, label) or ()):
            if direction == "up" and held_data(kind):
                senders.setdefault(kind, []).append(label)
    return senders


def held_data(kind: str) -> list[str]:
    """Return what a payload holds of the data themselves, judged by the name of its kind: labels, images or texts."""
    return [word for word in _DATA if word in kind]
