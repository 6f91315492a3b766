"""Some points of a sweep, evenly chosen: of a thousand, those for which a page has room."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from analysis.axes import Axis, short_names
from analysis.interactive.sweep import full_enough
from analysis.sweeps import Sweep

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

    @property
    def axes(self) -> list[dict[str, Any]]:
        """As JSON: the name and the values of each axis, as written."""
        return [{"name": name, "ticks": list(ticks)} for name, ticks in zip(self.names, self.ticks, strict=True)]


def places(sweep: Sweep, most: int, most_values: int | None = None) -> Places:
    """At most so many points, evenly spread, and at most so many values of each axis; where there is room, its ends."""
    return _of_grid(sweep, most, most_values or most) if full_enough(sweep) else _of_sample(sweep, most)


def _of_grid(sweep: Sweep, most: int, most_values: int) -> Places:
    dimensions = sweep.dimensions
    sizes = [len(axis.values) for axis in dimensions]
    each = min(most_values, max(sizes, default=1))
    while each > 1 and math.prod(min(size, each) for size in sizes) > most:
        each -= 1
    names = short_names([axis.key for axis in sweep.axes])
    first = sweep.summary.drop_duplicates("point")
    columns, shown = [], []
    for axis in dimensions:
        kept = _even(len(axis.values), each)
        some = Axis(axis.key, tuple(axis.values[at] for at in kept), tuple(axis.texts[at] for at in kept))
        shown.append(some.ticks)  # fewer values are told apart with fewer digits
        turns = {value: turn for turn, value in enumerate(some.values)}
        columns.append([turns.get(value) for value in first[axis.key]])
    found: dict[int, Place] = {}
    for number, point in enumerate(first["point"]):
        place = [column[number] for column in columns]
        if None not in place:
            found[int(point)] = tuple(turn for turn in place if turn is not None)
    return Places(tuple(names[axis.key] for axis in dimensions), tuple(shown), found)


def _of_sample(sweep: Sweep, most: int) -> Places:
    names = short_names([axis.key for axis in sweep.axes])
    ticks = {axis.key: dict(zip(axis.values, axis.ticks, strict=True)) for axis in sweep.dimensions}
    first = sweep.summary.drop_duplicates("point")
    rows = first.iloc[_even(len(first), most)]
    told = tuple(
        f"{row['point']}: " + ", ".join(f"{names[key]} {own[row[key]]}" for key, own in ticks.items())
        for _, row in rows.iterrows()
    )
    return Places(("Point",), (told,), {int(point): (turn,) for turn, point in enumerate(rows["point"])})


def _even(count: int, most: int) -> list[int]:
    """At most so many of the first `count` numbers, from the first to the last; if only one, the middle one."""
    if count <= most:
        return list(range(count))
    if most < 2:
        return [count // 2]
    return [round(turn * (count - 1) / (most - 1)) for turn in range(most)]
