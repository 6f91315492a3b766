"""The events of a trial's trace, in Chrome's Trace Event Format.

A trial is a process. It has tracks: the rounds and, for each site, its attempts, slots, uplink, downlink and absences.
Slices that overlap on a track are spread over lanes, each in the first lane that is free.

- Works and transfers are slices (`X`), named by their phase, because Perfetto colours a slice by its name and nothing
  else (it ignores `cname` on purpose, and does not look at `cat`). What they are is said in `args`. Of what was in
  vain, the name says so too, and `reason` says why.
- An absence is a slice, named by its cause: "away", "battery empty", "outage".
- An attempt is a slice, named "used", "lost" or "unfinished", with its `base` and `staleness` in `args`.
- A transfer is a slice on the sender's uplink and one on the receiver's downlink, from its start to its arrival, its
  latency (`latency_s`) included. If it arrived, a flow (`s`, `f`) leads from one to the other.
- `<site> queue` counts the works that wait at a server: requested and not yet begun. (Works that were withdrawn before
  they began are not in the ledger.) `<site> power` is in watts; `analysis.power` says what is counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import chain
from typing import Any

import pandas as pd

from analysis.absences import named
from analysis.columns import UNFINISHED
from analysis.power import Interval, outside, sites, steps, united
from analysis.runs import Run, RunError

_SLACK = 4
"""Slices that overlap by no more ticks than this follow each other: the overlap is the rounding of the clock."""

Event = dict[str, Any]


class _Clock:
    """A clock that counts in whole ticks: sums of whole numbers have no rounding that would make slices overlap.

    A tick is a nanosecond or, in a run so long that a float cannot resolve nanoseconds (104 days), a microsecond.
    """

    def __init__(self, seconds: float) -> None:
        self.per_us = 1000 if seconds * 1e9 < 2**53 else 1

    def ticks(self, seconds: float) -> int:
        """Return a time in ticks."""
        return round(seconds * 1e6 * self.per_us)

    def us(self, ticks: int) -> float:
        """Return a time in microseconds, as a whole number where it is one."""
        return ticks / self.per_us if ticks % self.per_us else ticks // self.per_us


class _Lanes:
    """The lanes of a track, as many as are needed; a slice goes to the first that is free."""

    def __init__(self) -> None:
        self._busy: list[tuple[int, int]] = []  # a heap of (busy until, lane)
        self._free: list[int] = []
        self._until: list[int] = []  # by lane

    def place(self, begin: int, end: int) -> tuple[int, int]:
        """Put a slice on a lane, and return the lane and when the slice begins there.

        Args:
            begin: when it begins, in ticks; no earlier than the slices before it.
            end: when it ends, in ticks.
        """
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
        run: the run.
        trial: the row of the trial in the run's summary.
        pid: the number of the trial in the trace.
        ids: numbers the tracks of all trials of the trace.
        flows: numbers the flows of all trials of the trace.

    Raises:
        RunError: the trial's ledger cannot be read, or names a site that its table of sites lacks.
    """

    def __init__(self, run: Run, trial: Any, pid: int, ids: Iterator[int], flows: Iterator[int]) -> None:
        self.pid, self.ids, self.flows = pid, ids, flows
        self.name, self.end = f"{trial.label}-{trial.seed}", float(trial.sim_time_s)
        self.title = f"{self.name} ({trial.algorithm})"
        key = trial.label, int(trial.seed)
        self.everyone = sites(run, *key)
        self.works, self.transfers, self.rounds = run.works(*key), run.transfers(*key), run.aggregations(*key)
        self.engagements, self.absences = run.engagements(*key), run.absences(*key)
        self.attempts = run.attempts(*key)
        columns = (
            (self.attempts, "client"),
            *((self.works, "site"), (self.transfers, "source"), (self.transfers, "target")),
            *((self.engagements, "client"), (self.absences, "site")),
        )
        mentioned = {name for table, column in columns for name in table[column]}
        unknown = mentioned - {site.name for site in self.everyone}
        if unknown:
            folder = run.folder / "ledger" / self.name
            raise RunError(f"{folder}: there is no {min(unknown, key=str)!r} among the trial's sites")
        self.clock = _Clock(self.end)
        self.lanes: dict[str, _Lanes] = {"rounds": _Lanes()}
        self.slots: dict[str, str] = {}
        for site in self.everyone:
            self.slots[site.name] = f"{site.name} {'slot' if site.slots > 1 else 'compute'}"
            names = _attempts(site.name), self.slots[site.name], *_links(site.name), _away(site.name)
            self.lanes |= {name: _Lanes() for name in names}
        self.tracks: dict[tuple[str, int], int] = {}
        self.first = self._track("rounds", 0)

    def events(self) -> Iterator[Event]:
        """Yield all events; those of one track or counter are in order of time."""
        yield self._about("process_name", self.first, name=self.title)
        yield self._about("process_sort_index", self.first, sort_index=self.pid)
        for row in _rows(self.rounds):
            begin, end = self._span(row)
            yield self._slice("rounds", begin, end, f"round {row.round}", "round", {})
        yield from self._attempted()
        yield from self._served()
        yield from self._sent()
        for row in _rows(self.absences):
            args = {"cause": row.cause} if row.cause else {}
            yield self._slice(_away(str(row.site)), *self._span(row), named(str(row.cause)), "absence", args)
        yield from self._counters()
        order = {name: index for index, name in enumerate(self.lanes)}
        for index, (track, lane) in enumerate(sorted(self.tracks, key=lambda key: (order[key[0]], key[1]))):
            numbered = lane or track.endswith(" slot")
            tid = self.tracks[track, lane]
            yield self._about("thread_name", tid, name=f"{track} {lane + 1}" if numbered else track)
            yield self._about("thread_sort_index", tid, sort_index=index)

    def _attempted(self) -> Iterator[Event]:
        """Yield a slice for each attempt."""
        for row in _rows(self.attempts):
            args = {"attempt": int(row.attempt), "base": int(row.base)}
            if row.reason:
                args |= {"reason": row.reason}
            else:
                args |= {"round": int(row.round), "staleness": int(row.staleness)}
            name = UNFINISHED if row.reason == UNFINISHED else "lost" if row.reason else "used"
            yield self._slice(_attempts(str(row.client)), *self._span(row), name, "attempt", args)

    def _served(self) -> Iterator[Event]:
        """Yield a slice for each work."""
        for row in _rows(self.works):
            begin, end = self._span(row)
            args: dict[str, Any] = {"work": row.work, "round": row.round, "flops": int(row.flops)}
            if isinstance(row.client, str) and row.client != row.site:
                args["client"] = row.client
            if row.start > row.asked:
                args["waited_s"] = round(row.start - row.asked, 9)
            if row.reason:
                args["reason"] = row.reason
            yield self._slice(self.slots[str(row.site)], begin, end, _named(row, row.work), "compute", args)

    def _sent(self) -> Iterator[Event]:
        """Yield two slices for each transfer and, if it arrived, the flow between them."""
        for row in _rows(self.transfers):
            begin, end = self._span(row)
            source, target, name = str(row.source), str(row.target), _named(row, row.kind)
            args = {"kind": row.kind, "round": row.round, "bytes": int(row.bytes), "latency_s": round(row.latency, 9)}
            if row.lost:
                args["lost"] = int(row.lost)
            if row.reason:
                args["reason"] = row.reason
            sent = self._slice(_links(source)[0], begin, end, name, "upload", args | {"to": target})
            received = self._slice(_links(target)[1], begin, end, name, "download", args | {"from": source})
            flow = {"name": name, "cat": "transfer", "id": next(self.flows), "pid": self.pid} if _arrived(row) else None
            yield sent
            if flow:
                yield flow | {"ph": "s", "ts": sent["ts"], "tid": sent["tid"]}
            yield received
            if flow:  # Perfetto binds it to the slice in which it lies: a tick before its end, no other has begun
                last = self.clock.us(max(begin, end - 1))
                yield flow | {"ph": "f", "bp": "e", "ts": max(last, received["ts"]), "tid": received["tid"]}

    def _counters(self) -> Iterator[Event]:
        """Yield the power of each site, and the length of each server's queue, whenever they change."""
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
        engaged = {site.name: [] if site.client else [(0, self.clock.ticks(self.end))] for site in self.everyone}
        for row in _rows(self.engagements):
            engaged[str(row.client)].append(self._span(row))
        for site in self.everyone:
            present = [part for interval in engaged[site.name] for part in outside(interval, away[site.name])]
            if site.client:  # what it finishes after its round
                rounds, active = united(engaged[site.name]), united(chain(*busy[site.name].values()))
                present += [part for interval in active for part in outside(interval, rounds)]
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
        """Return a slice (ticks) on the first free lane of a track."""
        lane, begin = self.lanes[track].place(begin, end)
        ts, dur = self.clock.us(begin), self.clock.us(max(0, end - begin))
        ids = {"pid": self.pid, "tid": self._track(track, lane)}
        return {"name": name, "cat": category, "ph": "X", "ts": ts, "dur": dur, **ids, "args": args}

    def _counter(self, name: str, moment: int, unit: str, value: float) -> Event:
        ids = {"pid": self.pid, "tid": self.first}
        return {"name": name, "ph": "C", "ts": self.clock.us(moment), **ids, "args": {unit: value}}

    def _about(self, what: str, tid: int, **args: object) -> Event:
        return {"name": what, "ph": "M", "pid": self.pid, "tid": tid, "args": args}


def _rows(frame: pd.DataFrame) -> Iterator[Any]:
    yield from frame.itertuples()


def _links(site: str) -> tuple[str, str]:
    return f"{site} uplink", f"{site} downlink"


def _attempts(site: str) -> str:
    return f"{site} attempts"


def _away(site: str) -> str:
    return f"{site} absences"


def _named(row: Any, otherwise: str) -> str:
    """Return the name of a work or transfer: its phase, or another name if it has none, and whether it was in vain."""
    name = str(row.phase or otherwise)
    return f"{name} (in vain)" if row.reason not in ("", UNFINISHED) else name


def _arrived(row: Any) -> bool:
    """Return whether a transfer arrived: one that was stopped has lost all or, still in its latency, sent nothing."""
    return bool(row.bytes > row.lost)
