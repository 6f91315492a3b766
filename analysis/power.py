"""The power that each site draws over time, from a run's ledger.

The rule is the one by which the run itself counted energy (`simulator.accounting.usage`). A site draws its idle watts
while it is counted: a client while it is engaged and while it is active outside of that, the server all the time,
neither while it is away. Each state adds what it draws beyond idle: computing once for each busy slot (works that share
one have a part of it each), sending and receiving once each, however many transfers share the link. Latency adds
nothing. The area below the curve is therefore the energy in the summary.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from analysis.runs import Run

Interval = tuple[int, int]
"""Start and end, in the ticks of the caller's clock."""
Part = tuple[int, int, float]
"""An interval, and how much it counts, such as the share of a slot that a work has."""


@dataclass(frozen=True)
class Site:
    """A device or a server.

    Attributes:
        name: its name in the ledger.
        client: whether it is a device.
        slots: how many works each of its GPUs serves at once.
        idle: its power while it is idle, in watts.
        compute: its power while one slot computes, in watts, idle included.
        upload: its power while it sends, in watts, idle included.
        download: its power while it receives, in watts, idle included.
        gpus: how many GPUs it has; what it draws while idle is that of all.
        group: its group of devices, or the scenario's name for the server.
        role: its role, such as `device` or `server`.
    """

    name: str
    client: bool
    slots: int
    idle: float
    compute: float
    upload: float
    download: float
    gpus: int = 1
    group: str = ""
    role: str = ""

    def draws(self, states: Mapping[str, float]) -> float:
        """Return the power (W) of the site, from how many times over it is in each state ("idle": is counted)."""
        watts = self.idle * states["idle"] + (self.compute - self.idle) * states["compute"]
        links = ((self.upload, states["upload"]), (self.download, states["download"]))
        return watts + sum(active - self.idle for active, flows in links if flows)


def sites(run: Run, label: str, seed: int) -> list[Site]:
    """Return the server and then every device of a trial's world.

    Args:
        run: the run.
        label: the label of the trial.
        seed: the seed of the trial.

    Raises:
        RunError: there is no such trial, or its table of sites cannot be read.
    """
    return [_site(row) for row in run.sites(label, seed).to_dict("records")]


def _site(row: Mapping[Any, Any]) -> Site:
    idle, compute, upload, download = (float(row[f"{state}_w"]) for state in ("idle", "compute", "upload", "download"))
    more = int(row["gpus"]), str(row["group"]), str(row["role"])
    return Site(row["name"], row["role"] == "device", int(row["slots"]), idle, compute, upload, download, *more)


def steps(
    intervals: Mapping[str, Iterable[Interval | Part]], value: Callable[[Mapping[str, float]], float]
) -> Iterator[tuple[int, float]]:
    """Yield each moment at which a value changes, and the new value, rounded to six decimals.

    Args:
        intervals: intervals by kind; each counts once, or as much as it says.
        value: computes the value from the sum of open intervals of each kind; it counts as 0 before the first.
    """
    changes: list[tuple[int, str, float]] = []
    for kind, spans in intervals.items():
        for start, end, *much in spans:
            part = much[0] if much else 1
            changes += (start, kind, part), (end, kind, -part)
    changes.sort()
    states: dict[str, float] = defaultdict(int)
    last = 0.0
    for moment, simultaneous in groupby(changes, key=lambda change: change[0]):
        for _, kind, difference in simultaneous:
            states[kind] += difference
        current = round(value(states), 6)
        if current != last:
            yield moment, current
            last = current


def united(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the union of intervals as intervals that do not overlap, sorted."""
    union: list[Interval] = []
    for start, end in sorted(intervals):
        if union and start <= union[-1][1]:
            union[-1] = union[-1][0], max(end, union[-1][1])
        else:
            union.append((start, end))
    return union


def outside(interval: Interval, gaps: Iterable[Interval]) -> Iterator[Interval]:
    """Yield the parts of an interval that lie outside all gaps, which are sorted and do not overlap."""
    start, end = interval
    for gap_start, gap_end in gaps:
        if gap_end <= start or gap_start >= end:
            continue
        if gap_start > start:
            yield start, gap_start
        start = gap_end
    if start < end:
        yield start, end
