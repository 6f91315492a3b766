"""What devices disclose: payloads that hold labels, images or texts, not only what is computed from them."""

from __future__ import annotations

from pyarrow import compute

from analysis.memo import once_a_run
from analysis.runs import Run

_DATA = ("labels", "images", "texts")


@once_a_run
def sent_kinds(run: Run, label: str) -> set[tuple[str, str]] | None:
    """Return the payload kinds and their directions in the label's first trial; None if its ledger was not kept."""
    seed = run.seeds(label)[0]
    if not (run.folder / "ledger" / f"{label}-{seed}" / "transfers.parquet").is_file():
        return None
    transfers, sent = run.file(label, seed, "transfers"), set[tuple[str, str]]()
    assert transfers is not None, "its file is there"
    for batch in transfers.batches(["kind", "target", "client"]):
        down = compute.fill_null(compute.equal(batch["target"], batch["client"]), False)
        sent |= {(kind, "down") for kind in compute.unique(batch["kind"].filter(down)).to_pylist()}
        sent |= {(kind, "up") for kind in compute.unique(batch["kind"].filter(compute.invert(down))).to_pylist()}
    return sent


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
