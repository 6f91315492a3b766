"""The events of a trial's trace, in Chrome's Trace Event Format.

A trial is a process. In it are tracks: the rounds, and of each site its slots, its uplink and its downlink; what
overlaps on one of them goes to the first lane of it that is free.

- Works and transfers are slices (`X`), named by their phase: Perfetto chooses colours by the name of a slice and by
  nothing else (it ignores `cname` on purpose, and does not look at `cat`). What they are stands in `args`.
- A transfer is a slice on the sender's uplink and one on the receiver's downlink, from its sending to its arrival, its
  latency (`latency_s`) included. Where it arrived a flow (`s`, `f`) leads from one to the other.
- `<site> queue` counts the works that wait for a server: asked for and not yet begun. (Those that were withdrawn
  before they began are not in the ledger.) `<site> power` is in watts; `analysis.power` says what is counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Any

import pandas as pd

from analysis.power import Interval, outside, sites, steps
from analysis.runs import Run, RunError

_SLACK = 4
"""So many ticks two slices may overlap and still follow each other: the clock's own rounding."""

Event = dict[str, Any]


class _Clock:
    """Seconds as whole ticks: a sum of whole numbers has no rounding that would make slices overlap.

    A tick is a nanosecond; of a run so long that a float cannot tell nanoseconds apart (104 days), a microsecond.
    """

    def __init__(self, seconds: float) -> None:
        self.per_us = 1000 if seconds * 1e9 < 2**53 else 1

    def ticks(self, seconds: float) -> int:
        return round(seconds * 1e6 * self.per_us)

    def us(self, ticks: int) -> float:
        return ticks / self.per_us if ticks % self.per_us else ticks // self.per_us


class _Lanes:
    """A track with as many lanes as it takes; a slice goes to the first that is free."""

    def __init__(self) -> None:
        self._busy: list[tuple[int, int]] = []  # till when, which
        self._free: list[int] = []
        self._until: list[int] = []  # by lane

    def place(self, begin: int, end: int) -> tuple[int, int]:
        """The lane of a slice that begins no earlier than those before it, and where it begins there."""
        while self._busy and self._busy[0][0] <= begin + _SLACK:
            heappush(self._free, heappop(self._busy)[1])
        if not self._free:
            self._free.append(len(self._until))
            self._until.append(0)
        lane = heappop(self._free)
        begin = max(begin, self._until[lane])
        self._until[lane] = max(begin, end)
        heappush(self._busy, (self._until[lane], lane))
        return lane, begin


class TrialEvents:
    """The events of one trial.

    Args:
        trial: its row of the run's summary.
        pid: its number in the trace; `ids` and `flows` number the tracks and the flows of all trials of the trace.
    """

    def __init__(self, run: Run, trial: Any, pid: int, ids: Iterator[int], flows: Iterator[int]) -> None:
        self.pid, self.ids, self.flows = pid, ids, flows
        self.name, self.end = f"{trial.label}-{trial.seed}", float(trial.sim_time_s)
        self.title = f"{self.name} ({trial.algorithm})"
        which = trial.label, int(trial.seed)
        self.everyone = sites(run, *which)
        self.works, self.transfers, self.rounds = run.works(*which), run.transfers(*which), run.aggregations(*which)
        self.engagements, self.absences = run.engagements(*which), run.absences(*which)
        tables = ((self.works, "site"), (self.transfers, "source"), (self.transfers, "target"))
        named = (*tables, (self.engagements, "client"), (self.absences, "site"))
        strange = {name for table, column in named for name in table[column]} - {site.name for site in self.everyone}
        if strange:
            where = run.folder / "ledger" / self.name
            raise RunError(f"{where}: there is no {min(strange, key=str)!r} among the trial's sites")
        self.clock = _Clock(self.end)
        self.lanes: dict[str, _Lanes] = {"rounds": _Lanes()}
        self.slots: dict[str, str] = {}
        for site in self.everyone:
            self.slots[site.name] = f"{site.name} {'slot' if site.slots > 1 else 'compute'}"
            self.lanes |= {name: _Lanes() for name in (self.slots[site.name], *_links(site.name))}
        self.tracks: dict[tuple[str, int], int] = {}
        self.first = self._track("rounds", 0)

    def events(self) -> Iterator[Event]:
        """All of them; those of one track or counter in order of time."""
        yield self._about("process_name", self.first, name=self.title)
        yield self._about("process_sort_index", self.first, sort_index=self.pid)
        for row in _rows(self.rounds):
            begin, end = self._span(row)
            yield self._slice("rounds", begin, end, f"round {row.round}", "round", {})
        yield from self._served()
        yield from self._sent()
        yield from self._counters()
        order = {name: place for place, name in enumerate(self.lanes)}
        for place, (track, lane) in enumerate(sorted(self.tracks, key=lambda known: (order[known[0]], known[1]))):
            numbered = lane or track.endswith(" slot")
            tid = self.tracks[track, lane]
            yield self._about("thread_name", tid, name=f"{track} {lane + 1}" if numbered else track)
            yield self._about("thread_sort_index", tid, sort_index=place)

    def _served(self) -> Iterator[Event]:
        for row in _rows(self.works):
            begin, end = self._span(row)
            args: dict[str, Any] = {"work": row.work, "round": row.round, "flops": int(row.flops)}
            if isinstance(row.client, str) and row.client != row.site:
                args["client"] = row.client
            if row.start > row.asked:
                args["waited_s"] = round(row.start - row.asked, 9)
            yield self._slice(self.slots[str(row.site)], begin, end, str(row.phase or row.work), "compute", args)

    def _sent(self) -> Iterator[Event]:
        for row in _rows(self.transfers):
            begin, end = self._span(row)
            source, target, name = str(row.source), str(row.target), str(row.phase or row.kind)
            args = {"kind": row.kind, "round": row.round, "bytes": int(row.bytes), "latency_s": round(row.latency, 9)}
            if row.lost:
                args["lost"] = int(row.lost)
            sent = self._slice(_links(source)[0], begin, end, name, "upload", args | {"to": target})
            received = self._slice(_links(target)[1], begin, end, name, "download", args | {"from": source})
            flow = {"name": name, "cat": "transfer", "id": next(self.flows), "pid": self.pid} if _arrived(row) else None
            yield sent
            if flow:
                yield flow | {"ph": "s", "ts": sent["ts"], "tid": sent["tid"]}
            yield received
            if flow:  # bound to the slice it lies in: a tick before its end, where no other has begun
                last = self.clock.us(max(begin, end - 1))
                yield flow | {"ph": "f", "bp": "e", "ts": max(last, received["ts"]), "tid": received["tid"]}

    def _counters(self) -> Iterator[Event]:
        busy: dict[str, dict[str, list[Interval]]] = defaultdict(lambda: defaultdict(list))
        waiting: dict[str, list[Interval]] = defaultdict(list)
        for row in _rows(self.works):
            begin, end = self._span(row)
            busy[str(row.site)]["compute"].append((begin, end))
            waiting[str(row.site)].append((self.clock.ticks(row.asked), begin))
        for row in _rows(self.transfers):
            begin, end = self.clock.ticks(row.start + row.latency), self._span(row)[1]
            if begin < end:
                busy[str(row.source)]["upload"].append((begin, end))
                busy[str(row.target)]["download"].append((begin, end))
        away: dict[str, list[Interval]] = defaultdict(list)
        for row in _rows(self.absences):
            away[str(row.site)].append(self._span(row))
        counted = {site.name: [] if site.client else [(0, self.clock.ticks(self.end))] for site in self.everyone}
        for row in _rows(self.engagements):
            counted[str(row.client)].append(self._span(row))
        for site in self.everyone:
            present = [part for whole in counted[site.name] for part in outside(whole, away[site.name])]
            for moment, watts in steps(busy[site.name] | {"idle": present}, site.draws):
                yield self._counter(f"{site.name} power", moment, "W", watts)
            if not site.client:
                for moment, works in steps({"waiting": waiting[site.name]}, lambda states: states["waiting"]):
                    yield self._counter(f"{site.name} queue", moment, "works", works)

    def _span(self, row: Any) -> Interval:
        return self.clock.ticks(row.start), self.clock.ticks(row.start + row.seconds)

    def _track(self, track: str, lane: int) -> int:
        if (track, lane) not in self.tracks:
            self.tracks[track, lane] = next(self.ids)
        return self.tracks[track, lane]

    def _slice(self, track: str, begin: int, end: int, name: str, category: str, args: dict[str, Any]) -> Event:
        lane, begin = self.lanes[track].place(begin, end)
        ts, dur = self.clock.us(begin), self.clock.us(max(0, end - begin))
        where = {"pid": self.pid, "tid": self._track(track, lane)}
        return {"name": name, "cat": category, "ph": "X", "ts": ts, "dur": dur, **where, "args": args}

    def _counter(self, name: str, moment: int, unit: str, value: float) -> Event:
        where = {"pid": self.pid, "tid": self.first}
        return {"name": name, "ph": "C", "ts": self.clock.us(moment), **where, "args": {unit: value}}

    def _about(self, what: str, tid: int, **args: object) -> Event:
        return {"name": what, "ph": "M", "pid": self.pid, "tid": tid, "args": args}


def _rows(frame: pd.DataFrame) -> Iterator[Any]:
    yield from frame.itertuples()


def _links(site: str) -> tuple[str, str]:
    return f"{site} uplink", f"{site} downlink"


def _arrived(row: Any) -> bool:
    """One that was stopped has lost what it sent, or was still in its latency and has sent nothing."""
    return bool(row.bytes and not row.lost)
