"""What a verdict says of points of a sweep: which they are, and at which devices were left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from analysis.axes import Axis, short_names
from analysis.sweeps import TEXT, Sweep

MOST_NAMED = 4
"""At most so many points are named one by one."""


def left_out(sweep: Sweep) -> Iterator[str]:
    """Yield for each label a sentence on the devices that are too small for it and at which points they are left out.

    Cohorts without them may be faster: without this sentence, a larger model would seem to take less time.
    """
    counts = sweep.summary["trial"].map(sweep.too_small).fillna(0).astype(int)
    of = int(sweep.summary["point"].nunique())
    for label in sweep.labels:
        own = counts[sweep.summary["label"] == label]
        most = own.groupby(sweep.summary["point"]).max()
        places = most[most > 0]
        if places.empty:
            continue
        parts = []
        for count, points in places.groupby(places, sort=False):
            named = named_points(sweep, [int(str(point)) for point in points.index])
            parts.append(f"{count:,} at {named}" if named else f"{count:,} at {len(points):,} of {of:,} points")
        if of == 1:
            parts = [f"{places.max():,}"]
        elif len(parts) > MOST_NAMED:
            parts = [f"{places.min():,} to {places.max():,} at {len(places):,} of {of:,} points"]
        yield (
            f"Devices too small for {label} are never chosen (on_oom: skip), so that its cohorts are its own there: "
            f"{'; '.join(parts)}."
        )


def named_points(sweep: Sweep, points: Sequence[int]) -> str:
    """Return the points in words; as a range where the only axis has numbers, else empty where they are many."""
    names = short_names([axis.key for axis in sweep.dimensions])
    rows = sweep.summary.drop_duplicates("point").set_index("point").loc[list(points)]
    if len(sweep.dimensions) == 1 and (span := _range(sweep.dimensions[0], rows)):
        return f"{names[sweep.dimensions[0].key]} {span}"
    if len(points) > MOST_NAMED:
        return ""
    texts = [
        " and ".join(f"{names[axis.key]} {row[axis.key + TEXT]}" for axis in sweep.dimensions)
        for row in rows.to_dict("records")
    ]
    return "; ".join(texts)


def _range(axis: Axis, rows: pd.DataFrame) -> str:
    """Return the values of an axis with numbers as a range, if those of some points are next to each other."""
    indices = sorted(axis.values.index(value) for value in set(rows[axis.key]))
    if not axis.numeric or len(indices) < 2 or indices[-1] - indices[0] + 1 != len(indices):
        return ""
    return f"from {axis.texts[indices[0]]} to {axis.texts[indices[-1]]}"
