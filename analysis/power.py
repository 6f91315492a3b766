"""What each site draws over time, from a run's ledger.

It is the rule by which the run itself counted energy: a site draws its idle watts while it is counted for (a client
while it is engaged, the server all the time, neither while it is away), and in a state what that state draws beyond
idle: computing for each slot that does, sending and receiving once, however many transfers share the link. Latency
draws nothing. So the area below the curve is the energy of the summary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from analysis.runs import Run

Interval = tuple[int, int]
"""From when till when, in ticks of whoever asks."""


@dataclass(frozen=True)
class Site:
    """A device or a server: its name in the ledger, how many works it serves at once, and its watts by state."""

    name: str
    client: bool
    slots: int
    idle: float
    compute: float
    upload: float
    download: float

    def draws(self, states: Mapping[str, int]) -> float:
        """Watts, from how often it is in each state ("idle": how often it is counted for)."""
        watts = self.idle * states["idle"] + (self.compute - self.idle) * states["compute"]
        links = ((self.upload, states["upload"]), (self.download, states["download"]))
        return watts + sum(more - self.idle for more, flows in links if flows)


def sites(run: Run, label: str, seed: int) -> list[Site]:
    """The server and then every device of a trial's world. Raises RunError."""
    return [_site(row) for row in run.sites(label, seed).to_dict("records")]


def _site(row: Mapping[Any, Any]) -> Site:
    watts = (float(row[f"{state}_w"]) for state in ("idle", "compute", "upload", "download"))
    return Site(row["name"], row["role"] == "device", int(row["slots"]), *watts)


def steps(
    intervals: Mapping[str, Iterable[Interval]], value: Callable[[Mapping[str, int]], float]
) -> Iterator[tuple[int, float]]:
    """A value of how many intervals of each kind are open, at each moment at which it changes; it begins as 0."""
    changes = [change for kind, some in intervals.items() for a, b in some for change in ((a, kind, 1), (b, kind, -1))]
    changes.sort()
    states: Counter[str] = Counter()
    last = 0.0
    for moment, together in groupby(changes, key=lambda change: change[0]):
        for _, kind, more in together:
            states[kind] += more
        now = round(value(states), 6)
        if now != last:
            yield moment, now
            last = now


def outside(interval: Interval, gaps: Iterable[Interval]) -> Iterator[Interval]:
    """The parts of an interval that lie in none of the gaps, which come in order and do not overlap."""
    start, end = interval
    for gap_start, gap_end in gaps:
        if gap_end <= start or gap_start >= end:
            continue
        if gap_start > start:
            yield start, gap_start
        start = gap_end
    if start < end:
        yield start, end
