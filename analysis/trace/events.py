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
- Rounds that are left out are one slice on the track of rounds, "rounds 3 to 9 left out"; counters show their mean
  there. Where devices are left out, the tracks of servers and edges say for how many they show what was done; their
  counters, and passes that several share, are of all devices.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
from pyarrow import compute

from analysis.absences import named
from analysis.columns import FURTHER_WAITS_COLUMNS, UNFINISHED
from analysis.runs import Run
from analysis.serving import in_service, rule, shares
from analysis.trace import text
from analysis.trace.counters import Counters
from analysis.trace.excerpt import Excerpt
from analysis.trace.lanes import Clock
from analysis.trace.numbers import Numbers
from analysis.trace.tables import Tables
from analysis.trace.text import Block, joined, optional, quoted, strings, whole
from analysis.trace.tracks import Tracks, absences, attempts, links, slots

WORKS = (
    *("site", "client", "work", "phase", "round", "asked", "start", "seconds", "flops", "bytes_touched"),
    *("reason", "gpu", "share", "batch", "aside"),
)
TRANSFERS = (
    *("source", "target", "client", "kind", "phase", "round", "start", "seconds", "bytes", "lost", "latency", "reason"),
)


class TrialEvents(Tracks):
    """The events of one trial.

    Args:
        run: the run.
        tables: the ledger of the trial.
        trial: the row of the trial in the run's summary.
        excerpt: what is shown of the trial.
        pid: the number of the trial in the trace.
        numbers: numbers the tracks and the flows of all trials of the trace.
    """

    def __init__(self, run: Run, tables: Tables, trial: Any, excerpt: Excerpt, pid: int, numbers: Numbers) -> None:
        self.tables, self.excerpt = tables, excerpt
        self.end, self.title = float(trial.sim_time_s), f"{tables.name} ({trial.algorithm})"
        tracks = ["rounds", "critical path"]
        self.slots: dict[tuple[str, int], str] = {}
        self.notes: dict[str, str] = {}  # by track
        for site in (site for site in tables.sites if site.name not in excerpt.left_out):
            noun = "work" if not site.client and shares(run, site.name, site.role) else "slot"
            of_gpus = [slots(site, gpu, noun, site.name in tables.interrupted) for gpu in range(site.gpus)]
            self.slots |= {(site.name, gpu): track for gpu, track in enumerate(of_gpus)}
            if not site.client:
                said = rule(run, site.name, site.role), excerpt.note
                self.notes |= dict.fromkeys(of_gpus, _bracketed(*said))
                self.notes |= dict.fromkeys(links(site.name), _bracketed(excerpt.note))
            tracks += attempts(site.name), *of_gpus, *links(site.name), absences(site.name)
        super().__init__(tracks, Clock(self.end), pid, numbers)
        self.first = self._tid(0, 0)

    def blocks(self) -> Iterator[Block]:
        """Yield all events; those of one track or counter are in order of time."""
        yield text.one(self._about("process_name", self.first, name=self.title))
        yield text.one(self._about("process_sort_index", self.first, sort_index=self.pid))
        yield from self._rounds()
        yield from self._critical_path()
        yield from self._attempted()
        yield from self._served()
        yield from self._sent()
        yield from self._absent()
        yield from Counters(self.tables, self.excerpt, self.clock, self.end, self.pid, self.first).blocks()
        names = list(self.order)
        for index, (track, lane) in enumerate(sorted(self.tracks)):
            name = names[track]
            tid, numbered = self.tracks[track, lane], lane or name.endswith((" slot", " work"))
            shown = (f"{name} {lane + 1}" if numbered else name) + self.notes.get(name, "")
            yield text.one(self._about("thread_name", tid, name=shown))
            yield text.one(self._about("thread_sort_index", tid, sort_index=index))

    def _rounds(self) -> Iterator[Block]:
        """Yield a slice for each round, and for each span of rounds that is left out."""
        rows = self.tables.whole("rounds", "round", "start", "seconds")
        frame = pd.DataFrame(rows).assign(name=[f"round {number}" for number in rows["round"].tolist()], args="")
        if self.excerpt.gaps:
            keep = self.excerpt.rows(pyarrow.Table.from_pandas(frame, preserve_index=False))
            left_out = [(gap.begin, gap.end - gap.begin, gap.title, f'"rounds":{gap.last - gap.first + 1}')
                        for gap in self.excerpt.gaps]  # fmt: skip
            gaps = pd.DataFrame(left_out, columns=["start", "seconds", "name", "args"])
            frame = pd.concat([frame[keep], gaps]).sort_values("start", kind="stable")
        if len(frame):
            names, args = (pyarrow.array(frame[key], pyarrow.string()) for key in ("name", "args"))
            spans = frame["start"].to_numpy(float), frame["seconds"].to_numpy(float)
            categories = compute.if_else(compute.equal(args, ""), "round", "left out")
            yield self._slices(np.zeros(len(frame), int), *spans, quoted(names), categories, joined("{", args, "}"))

    def _critical_path(self) -> Iterator[Block]:
        columns = "activity", "round", "site", "what", "client", "phase", "start", "seconds"
        everyone = Excerpt(self.excerpt.gaps)
        for table, _ in self.tables.shown("critical_path", everyone, *columns):
            words = {name: strings(table[name]) for name in ("activity", "site", "what", "client", "phase")}
            number = table["round"].to_numpy()
            some = {
                name: compute.not_equal(column, "").to_numpy(zero_copy_only=False) for name, column in words.items()
            }
            args = joined(
                optional(some["activity"], ',"activity":', quoted(words["activity"])),
                optional(number != 0, ',"round":', whole(number)),
                *(optional(some[name], f',"{name}":', quoted(words[name])) for name in ("site", "what", "client")),
            )
            names = quoted(compute.if_else(compute.equal(words["phase"], ""), words["activity"], words["phase"]))
            yield self._slices(np.ones(len(table), int), *_spans(table), names, "path", _object(args))

    def _attempted(self) -> Iterator[Block]:
        """Yield a slice for each attempt."""
        columns = "client", "attempt", "base", "round", "staleness", "reason", "start", "seconds"
        for table, _ in self.tables.shown("attempts", self.excerpt, *columns):
            reason = strings(table["reason"])
            lost = compute.not_equal(reason, "").to_numpy(zero_copy_only=False)
            used = joined(',"round":', _whole(table, "round"), ',"staleness":', _whole(table, "staleness"))
            more = compute.if_else(pyarrow.array(lost), joined(',"reason":', quoted(reason)), used)
            args = joined('{"attempt":', _whole(table, "attempt"), ',"base":', _whole(table, "base"), more, "}")
            names = compute.if_else(pyarrow.array(lost), '"lost"', '"used"')
            names = compute.if_else(compute.equal(reason, UNFINISHED), f'"{UNFINISHED}"', names)
            yield self._slices(self._tracks(table["client"], attempts), *_spans(table), names, "attempt", args)

    def _served(self) -> Iterator[Block]:
        """Yield a slice for each pass, and for each time in which a work was in service."""
        waits = [table.to_pandas() for table in self.tables.batches("waits", *FURTHER_WAITS_COLUMNS)]
        further = pd.concat(waits) if waits else pd.DataFrame(columns=list(FURTHER_WAITS_COLUMNS))
        later: pd.DataFrame | None = None  # parts of works that were set aside, which come after what was read
        before = 0
        for table, floor in self.tables.shown("works", self.excerpt, *WORKS):
            special = compute.or_(compute.greater(table["batch"], 0), compute.greater(table["aside"], 0))
            if later is None and not compute.any(special).as_py():
                before += len(table)
                yield self._computed(table)
                continue
            works = table.to_pandas()
            works.index = pd.RangeIndex(before, before + len(works))
            before += len(works)
            frame = in_service(works, further, keep_places=True)
            if later is not None and len(later):
                frame = pd.concat([later, frame])
            frame = frame.sort_index(kind="stable").sort_values("start", kind="stable")
            later = frame[frame["start"] >= floor]
            frame = frame[frame["start"] < floor]
            if len(frame):
                yield self._computed(pyarrow.Table.from_pandas(frame, preserve_index=False))
        if later is not None and len(later):
            yield self._computed(pyarrow.Table.from_pandas(later, preserve_index=False))

    def _computed(self, table: pyarrow.Table) -> Block:
        """Return the slices of works, passes and parts of works, as `in_service` gives them, or of plain works."""
        site, client = strings(table["site"]), strings(table["client"])
        work, reason = strings(table["work"]), strings(table["reason"])
        parts = "works" in table.column_names
        works = table["works"].to_numpy() if parts else np.ones(len(table), int)
        aside = table["set_aside_s"].to_numpy() if parts else np.zeros(len(table))
        clients = strings(table["clients"]) if parts else client
        waited, batch = table["start"].to_numpy() - table["asked"].to_numpy(), table["batch"].to_numpy()
        share = np.rint(table["share"].to_numpy().astype(float) * 1e9)
        others = compute.and_(compute.not_equal(client, ""), compute.not_equal(client, site))
        alone = others.to_numpy(zero_copy_only=False) & (works == 1)
        args = joined(
            *('{"work":', quoted(work), ',"round":', _whole(table, "round"), ',"flops":', _whole(table, "flops")),
            optional(works > 1, ',"clients":', quoted(clients)) if parts else "",
            optional(alone, ',"client":', quoted(client)),
            optional(waited > 0, ',"waited_s":', text.seconds(np.maximum(waited, 0))),
            _reasoned(reason),
            optional(share < 1e9, ',"share":', text.decimals(share, 9)),
            optional(batch != 0, ',"pass":', whole(batch), ',"works_in_pass":', whole(works)),
            optional(aside > 0, ',"set_aside_s":', text.seconds(aside)),
            "}",
        )
        numbered = optional(works > 1, ", ", whole(works), " works")
        gpus = table["gpu"].to_numpy()
        tracks = np.zeros(len(table), int)
        for gpu in np.unique(gpus).tolist():
            here = gpus == gpu
            names_there = {name: track for (name, number), track in self.slots.items() if number == gpu}
            tracks[here] = self._tracks(site.filter(pyarrow.array(here)), names_there.__getitem__)
        names = _names(strings(table["phase"]), work, reason, numbered)
        return self._slices(tracks, *_spans(table), names, "compute", args)

    def _sent(self) -> Iterator[Block]:
        """Yield two slices for each transfer and, if it arrived, the flow between them."""
        for table, _ in self.tables.shown("transfers", self.excerpt, *TRANSFERS):
            source, target, kind = strings(table["source"]), strings(table["target"]), strings(table["kind"])
            reason, lost, sent = strings(table["reason"]), table["lost"].to_numpy(), table["bytes"].to_numpy()
            names = _names(strings(table["phase"]), kind, reason)
            args = joined(
                *('{"kind":', quoted(kind), ',"round":', _whole(table, "round"), ',"bytes":', whole(sent)),
                *(',"latency_s":', text.seconds(table["latency"].to_numpy())),
                optional(lost != 0, ',"lost":', whole(lost)),
                _reasoned(reason),
            )
            arrived = sent > lost  # one that was stopped has lost all or, still in its latency, sent nothing
            ups = self._tracks(source, lambda name: links(name)[0])
            downs = self._tracks(target, lambda name: links(name)[1])
            begin, end = (np.repeat(ticks, 2) for ticks in self._ticks(*_spans(table)))
            tids, begin = self._place(np.column_stack([ups, downs]).ravel(), begin, end)
            flow = np.zeros(len(table), int)
            flow[arrived] = self.numbers.flows(int(arrived.sum()))
            pieces: list[text.Column] = []
            for side, (category, other, name) in enumerate((("upload", "to", target), ("download", "from", source))):
                tid, begins, until = whole(tids[side::2]), begin[side::2], end[side::2]
                about = joined(args, f',"{other}":', quoted(name), "}")
                pieces += ",\n" if side else "", self._slice_text(names, category, begins, until, tid, about)
                # A flow ends in the slice in which it lies: a tick before the end of the slice no other has begun.
                moment = np.maximum(begins, until - 1) if side else begins
                kind_of_flow = ',"ph":"f","bp":"e","ts":' if side else ',"ph":"s","ts":'
                head = joined(',\n{"name":', names, ',"cat":"transfer","id":', whole(flow), f',"pid":{self.pid}')
                rest = kind_of_flow, text.decimals(moment, self.clock.digits), ',"tid":', tid, "}"
                pieces.append(optional(arrived, head, *rest))
            yield text.block(*pieces, events=2 * len(table) + 2 * int(arrived.sum()))

    def _absent(self) -> Iterator[Block]:
        for table, _ in self.tables.shown("absences", self.excerpt, "site", "cause", "start", "seconds"):
            cause = strings(table["cause"])
            packed = cause.dictionary_encode()
            names = pyarrow.array([text.plain(named(word)) for word in packed.dictionary.to_pylist()], pyarrow.string())
            some = compute.not_equal(cause, "").to_numpy(zero_copy_only=False)
            args = joined("{", optional(some, '"cause":', quoted(cause)), "}")
            tracks = self._tracks(table["site"], absences)
            yield self._slices(tracks, *_spans(table), names.take(packed.indices), "absence", args)

    def _about(self, what: str, tid: int, **args: object) -> dict[str, Any]:
        return {"name": what, "ph": "M", "pid": self.pid, "tid": tid, "args": args}


def _spans(table: pyarrow.Table) -> tuple[np.ndarray, np.ndarray]:
    return table["start"].to_numpy(), table["seconds"].to_numpy()


def _whole(table: pyarrow.Table, column: str) -> pyarrow.StringArray:
    return whole(table[column].to_numpy())


def _object(members: pyarrow.StringArray) -> pyarrow.StringArray:
    """Return JSON objects from members that each begin with a comma."""
    return joined("{", compute.utf8_slice_codeunits(members, 1), "}")


def _reasoned(reason: pyarrow.StringArray) -> pyarrow.StringArray:
    return optional(compute.not_equal(reason, "").to_numpy(zero_copy_only=False), ',"reason":', quoted(reason))


def _names(
    phase: pyarrow.StringArray, otherwise: pyarrow.StringArray, reason: pyarrow.StringArray, more: text.Column = ""
) -> pyarrow.StringArray:
    """Return the names of works, passes or transfers as JSON: their phases, and whether they were in vain.

    Args:
        phase: their phases.
        otherwise: what those without a phase are called.
        reason: why they were in vain.
        more: what follows the name.
    """
    name = compute.if_else(compute.equal(phase, ""), otherwise, phase)
    in_vain = compute.invert(compute.is_in(reason, value_set=pyarrow.array(["", UNFINISHED])))
    return quoted(joined(name, more, compute.if_else(in_vain, " (wasted)", "")))


def _bracketed(*said: str) -> str:
    return "".join(f" ({words})" for words in said if words)
