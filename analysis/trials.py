"""What a trial of a sweep is called: a run among others, whose folder has a hash for its name."""

from __future__ import annotations

import csv
from pathlib import Path

from analysis.axes import Axis, parse_values, short_names

POINTS = "points.csv"
POINTS_COLUMNS = ("trial", "point", "label", "algorithm", "seed", "status", "message")
"""What `points.csv` always has; every other column is an axis."""


def name_of_trial(folder: Path) -> str:
    """Its algorithm, the values of the axes that matter to it, and its seed if there are several; empty if the folder
    is no trial's.

    >>> name_of_trial(Path("runs/split-point/trials/017c27cae40f5273"))  # doctest: +SKIP
    'SFPrompt, head 1'
    """
    folder = folder.resolve()
    table = folder.parent.parent / POINTS
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        own = [row for row in rows if row["trial"] == folder.name]
        if not own:
            return ""
        keys = [key for key in rows[0] if key not in POINTS_COLUMNS]
        names, parts = short_names(keys), [own[0]["label"]]
        for key in keys:
            texts = [row[key] for row in rows]
            axis = Axis.of(key, parse_values(texts), texts)
            if len(axis.values) > 1 and len({row[key] for row in own}) == 1:
                parts.append(f"{names[key]} {axis.ticks[axis.texts.index(own[0][key])]}")
        several = len({row["seed"] for row in rows}) > 1
        return ", ".join([*parts, f"seed {own[0]['seed']}"] if several else parts)
    except (OSError, KeyError, ValueError, csv.Error):
        return ""
