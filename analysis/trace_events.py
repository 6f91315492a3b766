"""The events of a trial's trace, in Chrome's Trace Event Format.

A trial is a process. It has tracks: the rounds, their critical paths and, for each site, its attempts, slots, uplink,
downlink and absences. Slices that overlap on a track are spread over lanes, each in the first lane that is free.

- Works and transfers are slices (`X`), named by their phase, because Perfetto colours a slice by its name and nothing
  else (it ignores `cname` on purpose, and does not look at `cat`). What they are is said in `args`. Of what was in
  vain, the name says so too, and `reason` says why.
- A segment of a critical path is a slice, named by its phase; `args` say what it was, where and for whom.
- An absence is a slice, named by its cause: "away", "battery empty", "outage".
- An attempt is a slice, named "used", "lost" or "unfinished", with its `base` and `staleness` in `args`.
- A transfer is a slice on the sender's uplink and one on the receiver's downlink, from its start to its arrival, its
  latency (`latency_s`) included. If it arrived, a flow (`s`, `f`) leads from one to the other.
- A server with several GPUs has a track, or a track for each slot, for each of them; where works are set aside, they
  may go on elsewhere, and its slots are numbered over all GPUs. Where works are not served first come, first served,
  or share passes, the names of these tracks say so. Works that share a pass are one slice, whose name says how many
  they are; a work that was set aside for others is a slice for each time in service. Where works share the processor,
  tracks are not of slots but of works, as many as were there at once. `args` of a slice have its part of the slot, the
  number of its pass and whom it was for, and for how long its work was set aside in all.
- `<site> queue` counts the works that wait at a server, and `<site> in service` those that are served there. `<site>
  power` is in watts; `analysis.power` says what is counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain
from operator import itemgetter
from typing import Any

import pandas as pd

from analysis.absences import named
from analysis.columns import UNFINISHED
from analysis.power import Interval, Part, Site, outside, sites, steps, united
from analysis.reading import RunError
from analysis.runs import Run
from analysis.serving import in_service, rule, shares, waiting
from analysis.trace_lanes import Clock, Lanes

Event = dict[str, Any]


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
        self.attempts, self.further_waits = run.attempts(*key), run.further_waits(*key)
        self.served, self.path = in_service(self.works, self.further_waits), run.critical_path(*key)
        interrupted = set(self.works.loc[self.works["aside"] > 0, "site"])
        columns = (
            (self.attempts, "client"),
            *((self.works, "site"), (self.transfers, "source"), (self.transfers, "target")),
            *((self.engagements, "client"), (self.absences, "site"), (self.further_waits, "site")),
        )
        mentioned = {name for table, column in columns for name in table[column]}
        unknown = mentioned - {site.name for site in self.everyone}
        if unknown:
            folder = run.folder / "ledger" / self.name
            raise RunError(f"{folder}: there is no {min(unknown, key=str)!r} among the trial's sites")
        self.clock = Clock(self.end)
        self.lanes: dict[str, Lanes] = {"rounds": Lanes(), "critical path": Lanes()}
        self.slots: dict[tuple[str, int], str] = {}
        self.rules: dict[str, str] = {}  # by track
        for site in self.everyone:
            noun = "work" if not site.client and shares(run, site.name, site.role) else "slot"
            of_gpus = [_slots(site, gpu, noun, site.name in interrupted) for gpu in range(site.gpus)]
            self.slots |= {(site.name, gpu): track for gpu, track in enumerate(of_gpus)}
            if not site.client and (said := rule(run, site.name, site.role)):
                self.rules |= dict.fromkeys(of_gpus, f" ({said})")
            names = _attempts(site.name), *of_gpus, *_links(site.name), _away(site.name)
            self.lanes |= {name: Lanes() for name in names}
        self.tracks: dict[tuple[str, int], int] = {}
        self.first = self._track("rounds", 0)

    def events(self) -> Iterator[Event]:
        """Yield all events; those of one track or counter are in order of time."""
        yield self._about("process_name", self.first, name=self.title)
        yield self._about("process_sort_index", self.first, sort_index=self.pid)
        for row in _rows(self.rounds):
            begin, end = self._span(row)
            yield self._slice("rounds", begin, end, f"round {row.round}", "round", {})
        for row in _rows(self.path):
            args = {"activity": row.activity, "round": int(row.round), "site": row.site, "what": row.what}
            args |= {"client": row.client} if isinstance(row.client, str) else {}
            name = str(row.phase or row.activity)
            yield self._slice("critical path", *self._span(row), name, "path", {k: v for k, v in args.items() if v})
        yield from self._attempted()
        yield from self._served()
        yield from self._sent()
        for row in _rows(self.absences):
            args = {"cause": row.cause} if row.cause else {}
            yield self._slice(_away(str(row.site)), *self._span(row), named(str(row.cause)), "absence", args)
        yield from self._counters()
        order = {name: index for index, name in enumerate(self.lanes)}
        for index, (track, lane) in enumerate(sorted(self.tracks, key=lambda key: (order[key[0]], key[1]))):
            numbered = lane or track.endswith((" slot", " work"))
            tid = self.tracks[track, lane]
            name = f"{track} {lane + 1}" if numbered else track
            yield self._about("thread_name", tid, name=name + self.rules.get(track, ""))
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
        """Yield a slice for each pass, and for each time in which a work was in service."""
        for row in _rows(self.served):
            begin, end = self._span(row)
            args: dict[str, Any] = {"work": row.work, "round": row.round, "flops": int(row.flops)}
            if row.works > 1:
                args["clients"] = row.clients
            elif isinstance(row.client, str) and row.client != row.site:
                args["client"] = row.client
            if row.start > row.asked:
                args["waited_s"] = round(row.start - row.asked, 9)
            if row.reason:
                args["reason"] = row.reason
            if (share := round(row.share, 9)) < 1:
                args["share"] = share
            if row.batch:
                args |= {"pass": int(row.batch), "works_in_pass": int(row.works)}
            if row.set_aside_s:
                args["set_aside_s"] = round(row.set_aside_s, 9)
            track = self.slots[str(row.site), int(row.gpu)]
            yield self._slice(track, begin, end, _named(row, row.work, int(row.works)), "compute", args)

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
        """Yield the power of each site, and how many works wait and are served at each server, whenever they change."""
        busy: dict[str, dict[str, list[Interval]]] = defaultdict(lambda: defaultdict(list))
        computing: dict[str, list[Part]] = defaultdict(list)
        for row in _rows(self.works):
            busy[str(row.site)]["compute"].append(self._span(row))
            computing[str(row.site)].append((*self._span(row), row.share))
        queued: dict[str, list[Interval]] = defaultdict(list)
        aside: dict[str, list[Part]] = defaultdict(list)  # they count less in service
        for wait in waiting(self.works, self.further_waits):
            span = self.clock.ticks(wait.start), self.clock.ticks(wait.end)
            queued[wait.site].append(span)
            if wait.aside:
                aside[wait.site].append((*span, -1))
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
            states: dict[str, Iterable[Interval | Part]] = {**busy[site.name], "idle": present}
            states["compute"] = computing[site.name]
            for moment, watts in steps(states, site.draws):
                yield self._counter(f"{site.name} power", moment, "W", watts)
            if not site.client:
                served: Iterable[Interval | Part] = chain(busy[site.name]["compute"], aside[site.name])
                counted: dict[str, Iterable[Interval | Part]] = {"queue": queued[site.name], "in service": served}
                for name, intervals in counted.items():
                    for moment, works in steps({name: intervals}, itemgetter(name)):
                        yield self._counter(f"{site.name} {name}", moment, "works", works)

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


def _slots(site: Site, gpu: int, noun: str, moving: bool) -> str:
    """Return the name of the track of the slots of a GPU.

    Args:
        site: the site.
        gpu: the index of the GPU.
        noun: what a lane of the track is: a slot or, where any number of works share them, a work.
        moving: whether works may go on at another GPU: then the track is that of all GPUs.
    """
    name = f"{site.name} GPU {gpu}" if site.gpus > 1 and not moving else site.name
    several = site.slots * (site.gpus if moving else 1) > 1 or noun == "work"
    return f"{name} {noun if several else 'compute'}"


def _attempts(site: str) -> str:
    return f"{site} attempts"


def _away(site: str) -> str:
    return f"{site} absences"


def _named(row: Any, otherwise: str, works: int = 1) -> str:
    """Return the name of a work, pass or transfer: its phase or, if it has none, another name; and whether in vain.

    Args:
        row: its row.
        otherwise: its name if it has no phase.
        works: how many works share the pass.
    """
    name = str(row.phase or otherwise) + (f", {works} works" if works > 1 else "")
    return f"{name} (wasted)" if row.reason not in ("", UNFINISHED) else name


def _arrived(row: Any) -> bool:
    """Return whether a transfer arrived: one that was stopped has lost all or, still in its latency, sent nothing."""
    return bool(row.bytes > row.lost)
