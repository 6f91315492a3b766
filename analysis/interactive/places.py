"""Some points of a sweep, evenly chosen: of a thousand, those for which a page has room."""

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
    """Points by their place on axes, each an axis of the sweep with some of its values.

    Of a sweep whose grid has more holes than cells the points themselves are the only axis.
    """

    names: tuple[str, ...]
    ticks: tuple[tuple[str, ...], ...]
    of: dict[int, Place]
    """By point: the index of its value on each axis."""
    left_out: int = 0
    """How many further points have a result."""

    @property
    def axes(self) -> list[dict[str, Any]]:
        """As JSON: the name and the values of each axis, as written."""
        return [{"name": name, "ticks": list(ticks)} for name, ticks in zip(self.names, self.ticks, strict=True)]

    @property
    def said(self) -> str:
        """What a caption says of those that are not here."""
        return f" Here are {len(self.of):,} of {len(self.of) + self.left_out:,} points." if self.left_out else ""


def places(sweep: Sweep, most: int, most_values: int | None = None) -> Places:
    """At most so many of the points that have a result, evenly spread, and at most so many values of each axis.

    Where there is room, the ends of the axes are among them.
    """
    rows = sweep.summary
    done = sorted(set(rows.loc[rows["status"] == DONE, "point"].tolist()))
    most_values = most_values or most
    grid = _of_grid(sweep, done, most, most_values) if full_enough(sweep) else None
    return grid or _of_sample(sweep, done, min(most, most_values))


def _of_grid(sweep: Sweep, done: Sequence[int], most: int, most_values: int) -> Places | None:
    """As many values of each axis as give no more points than that; None if most of their places hold none."""
    at = sweep.summary.drop_duplicates("point").set_index("point").loc[list(done)]
    dimensions = sweep.dimensions
    for each in range(min(most_values, max((len(axis.values) for axis in dimensions), default=1)), 0, -1):
        some = [_thinned(axis, each) for axis in dimensions]
        turns = [{value: turn for turn, value in enumerate(axis.values)} for axis in some]
        columns = [map(own.get, at[axis.key].tolist()) for own, axis in zip(turns, some, strict=True)]
        where = zip(done, zip(*columns, strict=True) if columns else [()] * len(done), strict=True)
        found = {point: place for point, place in where if None not in place}
        if len(found) <= most:
            break
    if not found or 2 * len(found) < math.prod(len(axis.values) for axis in some):
        return None
    names = short_names([axis.key for axis in sweep.axes])
    ticks = tuple(axis.ticks for axis in some)
    return Places(tuple(names[axis.key] for axis in some), ticks, found, len(done) - len(found))


def _thinned(axis: Axis, most: int) -> Axis:
    """The same with some of its values, which then are told apart with fewer digits."""
    kept = _even(len(axis.values), most)
    return Axis(axis.key, tuple(axis.values[at] for at in kept), tuple(axis.texts[at] for at in kept))


def _of_sample(sweep: Sweep, done: Sequence[int], most: int) -> Places:
    names = short_names([axis.key for axis in sweep.axes])
    ticks = {axis.key: dict(zip(axis.values, axis.ticks, strict=True)) for axis in sweep.axes if len(axis.values) > 1}
    rows = sweep.summary.drop_duplicates("point").set_index("point")
    at = {key: rows[key].to_dict() for key in ticks}
    chosen = [done[number] for number in _even(len(done), most)]
    told = tuple(
        f"{point}: " + ", ".join(f"{names[key]} {own[at[key][point]]}" for key, own in ticks.items())
        for point in chosen
    )
    found: dict[int, Place] = {point: (turn,) for turn, point in enumerate(chosen)}
    return Places(("Point",), (told,), found, len(done) - len(chosen))


def _even(count: int, most: int) -> list[int]:
    """At most so many of the first `count` numbers, from the first to the last; if only one, the middle one."""
    if count <= most:
        return list(range(count))
    if most < 2:
        return [count // 2]
    return [round(turn * (count - 1) / (most - 1)) for turn in range(most)]
