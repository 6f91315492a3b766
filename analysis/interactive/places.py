"""A selection of a sweep's points, evenly spread, as many as a page has room for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analysis.axes import Axis, short_names
from analysis.interactive.sweep import full_enough
from analysis.sweeps import DONE, Sweep

Place = tuple[int, ...]


@dataclass(frozen=True)
class Places:
    """Points of a sweep by their places on axes, each of which has some of the values of an axis of the sweep.

    If the grid of the sweep has more holes than cells, the points themselves are the only axis.

    Attributes:
        names: the name of each axis.
        ticks: the values of each axis, as text.
        of: by point, the index of its value on each axis.
        left_out: how many further points have a result.
    """

    names: tuple[str, ...]
    ticks: tuple[tuple[str, ...], ...]
    of: dict[int, Place]
    left_out: int = 0

    @property
    def axes(self) -> list[dict[str, Any]]:
        """The name and the values of each axis, as JSON."""
        return [{"name": name, "ticks": list(ticks)} for name, ticks in zip(self.names, self.ticks, strict=True)]

    @property
    def said(self) -> str:
        """A sentence for the caption on the points that are left out; empty if there are none."""
        return f" Here are {len(self.of):,} of {len(self.of) + self.left_out:,} points." if self.left_out else ""


def places(sweep: Sweep, most: int, most_values: int | None = None) -> Places:
    """Select points that have a result, evenly spread; if there is room, the ends of the axes are among them.

    Args:
        sweep: the sweep.
        most: the most points.
        most_values: the most values of each axis; by default `most`.
    """
    rows = sweep.summary
    done = sorted(set(rows.loc[rows["status"] == DONE, "point"].tolist()))
    most_values = most_values or most
    grid = _of_grid(sweep, done, most, most_values) if full_enough(sweep) else None
    return grid or _of_sample(sweep, done, min(most, most_values))


def _of_grid(sweep: Sweep, done: Sequence[int], most: int, most_values: int) -> Places | None:
    """Select as many values of each axis as give at most so many points; None if most of their places are empty.

    Args:
        sweep: the sweep.
        done: the points that have a result.
        most: the most points.
        most_values: the most values of each axis.
    """
    rows = sweep.summary.drop_duplicates("point").set_index("point").loc[list(done)]
    dimensions = sweep.dimensions
    for count in range(min(most_values, max((len(axis.values) for axis in dimensions), default=1)), 0, -1):
        axes = [_thinned(axis, count) for axis in dimensions]
        indices = [{value: index for index, value in enumerate(axis.values)} for axis in axes]
        columns = [map(by_value.get, rows[axis.key].tolist()) for by_value, axis in zip(indices, axes, strict=True)]
        points = zip(done, zip(*columns, strict=True) if columns else [()] * len(done), strict=True)
        selected = {point: place for point, place in points if None not in place}
        if len(selected) <= most:
            break
    if not selected or 2 * len(selected) < math.prod(len(axis.values) for axis in axes):
        return None
    names = short_names([axis.key for axis in sweep.axes])
    ticks = tuple(axis.ticks for axis in axes)
    return Places(tuple(names[axis.key] for axis in axes), ticks, selected, len(done) - len(selected))


def _thinned(axis: Axis, most: int) -> Axis:
    """Return an axis with at most so many of its values, evenly spread; fewer values need fewer digits."""
    kept = _even(len(axis.values), most)
    return Axis(axis.key, tuple(axis.values[index] for index in kept), tuple(axis.texts[index] for index in kept))


def _of_sample(sweep: Sweep, done: Sequence[int], most: int) -> Places:
    """Select at most so many of the points that have a result, as the values of a single axis."""
    names = short_names([axis.key for axis in sweep.axes])
    ticks = {axis.key: dict(zip(axis.values, axis.ticks, strict=True)) for axis in sweep.axes if len(axis.values) > 1}
    rows = sweep.summary.drop_duplicates("point").set_index("point")
    values = {key: rows[key].to_dict() for key in ticks}
    chosen = [done[index] for index in _even(len(done), most)]
    texts = tuple(
        f"{point}: " + ", ".join(f"{names[key]} {by_value[values[key][point]]}" for key, by_value in ticks.items())
        for point in chosen
    )
    selected: dict[int, Place] = {point: (index,) for index, point in enumerate(chosen)}
    return Places(("Point",), (texts,), selected, len(done) - len(chosen))


def _even(count: int, most: int) -> list[int]:
    """Return at most so many of the numbers below `count`, evenly spread, with both ends; or the middle one."""
    if count <= most:
        return list(range(count))
    if most < 2:
        return [count // 2]
    return [round(turn * (count - 1) / (most - 1)) for turn in range(most)]
