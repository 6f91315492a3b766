"""What each site draws over time, from a run's ledger and the watts in its scenario.

It is the rule by which the run itself counted energy: a site draws its idle watts while it is counted for (a client
while it is engaged, the server all the time, neither while it is away), and in a state what that state draws beyond
idle: computing for each slot that does, sending and receiving once, however many transfers share the link. Latency
draws nothing. So the area below the curve is the energy of the summary.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from analysis.runs import Run, RunError

Interval = tuple[int, int]
"""From when till when, in ticks of whoever asks."""

_STATES = ("idle", "compute", "upload", "download")
_WATTS = {"mW": 1e-3, "W": 1.0, "kW": 1e3}


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


def sites(run: Run) -> list[Site]:
    """The server and then every device of a run's world, named as the ledger names them. Raises RunError."""
    path = run.folder / "scenario.yaml"
    world = run.scenario.get("world")
    groups = world.get("devices") if isinstance(world, Mapping) else None
    if not isinstance(world, Mapping) or not isinstance(groups, list):
        raise RunError(f"{path}: world.devices and world.server are missing")
    server = world.get("server")
    found = [_site(f"{path}: world.server", server, "server", client=False)]
    numbers: Counter[str] = Counter()
    for place, group in enumerate(groups):
        where = f"{path}: world.devices.{place}"
        name = str(group.get("name")) if isinstance(group, Mapping) else ""
        for _ in range(_whole(where, group, "count")):
            found.append(_site(where, group, f"{name}-{numbers[name]}", client=True))
            numbers[name] += 1
    return found


def _site(where: str, settings: Any, name: str, client: bool) -> Site:
    power = settings.get("power") if isinstance(settings, Mapping) else None
    watts = [_watts(power.get(state)) for state in _STATES] if isinstance(power, Mapping) else []
    known = [each for each in watts if each is not None]
    if len(known) < len(_STATES):
        raise RunError(f"{where}: its power must give {', '.join(_STATES)} in watts")
    return Site(name, client, 1 if client else _whole(where, settings, "slots"), *known)


def _whole(where: str, settings: Any, key: str) -> int:
    value = settings.get(key, 1) if isinstance(settings, Mapping) else None
    if not isinstance(value, int) or value < 1:
        raise RunError(f"{where}: {key} must be a whole number from 1 on")
    return value


def _watts(text: object) -> float | None:
    found = re.fullmatch(r"(\S+) (\S+)", text) if isinstance(text, str) else None
    try:
        return float(found[1]) * _WATTS[found[2]] if found else None
    except (KeyError, ValueError):
        return None


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
