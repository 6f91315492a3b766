"""The names of a sweep's trials, whose folders are named by hashes."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from analysis.axes import Axis, parse_values, short_names
from simulator.settings.csv_cells import unescaped_row

POINTS = "points.csv"
POINTS_COLUMNS = ("trial", "point", "label", "algorithm", "seed", "status", "message")
"""The columns that `points.csv` always has; every other column is an axis."""


def labels_of_sweep(folder: Path) -> list[str]:
    """Return the labels of the sweep of which a folder is a trial, in their order; empty if it is not one."""
    folder = Path(os.path.realpath(folder))  # which takes links that lead round in a circle, as resolve does not
    try:
        with (folder.parent.parent / POINTS).open(newline="", encoding="utf-8") as file:
            rows = list(map(unescaped_row, csv.DictReader(file)))
        return list(dict.fromkeys(row["label"] for row in rows)) if any(r["trial"] == folder.name for r in rows) else []
    except (OSError, KeyError, ValueError, csv.Error):
        return []


def name_of_trial(folder: Path) -> str:
    """Return the name of a trial: its label, the values of the axes that matter to it, and its seed.

    The seed is left out if the sweep has only one. The name is empty if the folder is not that of a trial.

    >>> name_of_trial(Path("runs/split-point/trials/017c27cae40f5273"))  # doctest: +SKIP
    'SFPrompt, head 1'
    """
    folder = Path(os.path.realpath(folder))  # which takes links that lead round in a circle, as resolve does not
    table = folder.parent.parent / POINTS
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(map(unescaped_row, csv.DictReader(file)))
        own_rows = [row for row in rows if row["trial"] == folder.name]
        if not own_rows:
            return ""
        keys = [key for key in rows[0] if key not in POINTS_COLUMNS]
        names, parts = short_names(keys), [own_rows[0]["label"]]
        for key in keys:
            texts = [row[key] for row in rows]
            axis = Axis.of(key, parse_values(texts), texts)
            if len(axis.values) > 1 and len({row[key] for row in own_rows}) == 1:
                parts.append(f"{names[key]} {axis.ticks[axis.texts.index(own_rows[0][key])]}")
        several_seeds = len({row["seed"] for row in rows}) > 1
        return ", ".join([*parts, f"seed {own_rows[0]['seed']}"] if several_seeds else parts)
    except (OSError, KeyError, ValueError, csv.Error):
        return ""
