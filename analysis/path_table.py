"""What a round of each algorithm waits for, as a small table: its time, and shares of its critical path."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analysis.measures import UNITS, Cell, Column
from analysis.server import OwnLabels, read_paths
from simulator.settings.humanize import MISSING, common_scale, human

LEAST = 0.005
"""Shares below this are left out where no algorithm has a larger one."""
PARTS: dict[str, tuple[str, str]] = {
    "Devices compute": ("device", "compute"),
    "Server computes": ("server", "compute"),
    "Edges compute": ("edge", "compute"),
    "Sending": ("", "transfer"),
    "Latency": ("", "latency"),
    "Queues": ("", "queue"),
    "Other": ("", "other"),
}
"""By name, the side and the activity of what is on a path; an empty side stands for any."""


def path_columns(own_labels: OwnLabels) -> list[Column]:
    """Return the columns of the table, a row for each label; none if no run tells its paths.

    Args:
        own_labels: by label as shown, the run that it is from and its label there.

    Raises:
        RunError: a file cannot be read.
    """
    tables = {name: read_paths(run, label) for name, (run, label) in own_labels.items()}
    if all(table.empty for table in tables.values()):
        return []
    rounds = [
        float(run.summary.loc[run.summary["label"] == label, "rounds"].sum()) for run, label in own_labels.values()
    ]
    means = [
        float(table["seconds"].sum()) / number if number and len(table) else float("nan")
        for table, number in zip(tables.values(), rounds, strict=True)
    ]
    unit = common_scale("seconds", means)
    cells = tuple(Cell(unit.text(mean) if unit else human("seconds", mean), mean) if mean == mean else Cell(MISSING)
                  for mean in means)  # fmt: skip
    return [Column("A round", "Mean time", False, cells, UNITS["seconds"]), *_shares(list(tables.values()))]


def _shares(tables: list[pd.DataFrame]) -> Iterator[Column]:
    for name, (side, activity) in PARTS.items():
        shares = []
        for table in tables:
            rows = (table["activity"] == activity) & ((table["side"] == side) if side else True)
            total = float(table["seconds"].sum())
            shares.append(float(table.loc[rows, "seconds"].sum()) / total if total else None)
        if any(share is not None and share >= LEAST for share in shares):
            cells = tuple(Cell(MISSING) if share is None else Cell(f"{100 * share:.0f} %", share) for share in shares)
            yield Column("Share of its time", name, False, cells)
