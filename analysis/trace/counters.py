"""The counters of a trace: the power of each site, and how many works wait and are served at each server.

Rows of the ledger become changes of what a site does; their running sums, site by site, are what counters show. Where
rounds are left out of the trace, a counter shows its mean over them, so that the area below it stays what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow
from pyarrow import compute

from analysis.columns import SET_ASIDE
from analysis.trace import text
from analysis.trace.excerpt import Excerpt
from analysis.trace.lanes import Clock
from analysis.trace.tables import Tables
from analysis.trace.text import Block

STATES = ("computing", "share", "upload", "download", "engaged", "away", "queued", "aside")
_MANY = 200_000
"""Changes are looked at once there are so many, or no more will come."""


class Changes(NamedTuple):
    """Changes of the states of sites, as columns: at which tick, of which site and state, by how much."""

    tick: np.ndarray
    site: np.ndarray
    state: np.ndarray
    much: np.ndarray


def _joined(parts: Sequence[Changes]) -> Changes:
    return Changes(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


class Counters:
    """The counters of one trial.

    Args:
        tables: its ledger.
        excerpt: what is shown of it.
        clock: the clock of the trace.
        end: when the trial ends, in seconds.
        pid: the number of the trial in the trace.
        tid: the number of its first track.
    """

    def __init__(self, tables: Tables, excerpt: Excerpt, clock: Clock, end: float, pid: int, tid: int) -> None:
        self.tables, self.clock = tables, clock
        self.sites = [site for site in tables.sites if site.name not in excerpt.left_out]
        self._known = pyarrow.array([site.name for site in self.sites], pyarrow.string())
        self._ids = f',"pid":{pid},"tid":{tid},"args":{{"'
        self._servers = np.array([not site.client for site in self.sites], bool)
        watts = zip(
            *((s.idle, s.compute - s.idle, s.upload - s.idle, s.download - s.idle) for s in self.sites), strict=True
        )
        self._watts = [np.array(column) for column in watts]
        self._now = np.zeros((len(self.sites), len(STATES)))
        bounds = self.clock.ticks(np.array([[gap.begin, gap.end] for gap in excerpt.gaps]).reshape(-1, 2))
        self._gaps: list[tuple[int, int]] = []
        for begin, stop in bounds.tolist():
            if self._gaps and begin <= self._gaps[-1][1]:  # the rounds in between are too short to be seen
                begin, _ = self._gaps.pop()
            self._gaps.append((begin, stop))
        self._pending: list[Changes] = []
        kinds: list[tuple[str, str, Callable[..., np.ndarray]]] = [
            ("power", "W", self._power),
            ("queue", "works", lambda states, _: states[:, STATES.index("queued")]),
            (
                "in service",
                "works",
                lambda states, _: states[:, STATES.index("computing")] + states[:, STATES.index("aside")],
            ),
        ]
        self.counters = [_Counter(self, *kind) for kind in kinds]
        present = np.flatnonzero(self._servers)
        self._change("engaged", present, np.zeros(len(present)), np.full(len(present), end))

    def blocks(self) -> Iterator[Block]:
        """Yield all events; those of one counter are in order of time."""
        sources = [
            (self._works, self.tables.floors("works", "asked", "start")),
            (self._transfers, self.tables.floors("transfers", "start")),
            *((source, self.tables.floors(name, "start")) for name, source in self._standing.items()),
        ]
        reading = [(source(), floors) for source, floors in sources]
        below, place = [-np.inf if floors else np.inf for _, floors in reading], [0] * len(reading)
        done = 0
        while min(below) < np.inf:
            first = below.index(min(below))
            next(reading[first][0])
            below[first] = reading[first][1][place[first]]
            place[first] += 1
            if abs(min(below)) < np.inf and sum(len(part.tick) for part in self._pending) > _MANY:
                until = int(self.clock.ticks(np.array(min(below))))
                if until > done:
                    yield from self._advance(until)
                    done = until
        yield from self._advance(None)

    # Rows become changes. Each of these reads one batch at a time.

    def _works(self) -> Iterator[None]:
        for table in self.tables.batches("works", "site", "asked", "start", "seconds", "share"):
            place, start = self._places(table["site"]), table["start"].to_numpy()
            end = start + table["seconds"].to_numpy()
            self._change("computing", place, start, end)
            self._change("share", place, start, end, table["share"].to_numpy())
            asked = table["asked"].to_numpy()
            late = start > asked
            self._change("queued", place[late], asked[late], start[late])
            yield

    def _transfers(self) -> Iterator[None]:
        for table in self.tables.batches("transfers", "source", "target", "start", "seconds", "latency"):
            start = table["start"].to_numpy()
            end, moves = start + table["seconds"].to_numpy(), start + table["latency"].to_numpy()
            some = self.clock.ticks(moves) < self.clock.ticks(end)
            for state, column in (("upload", "source"), ("download", "target")):
                self._change(state, self._places(table[column])[some], moves[some], end[some])
            yield

    @property
    def _standing(self) -> dict[str, Callable[[], Iterator[None]]]:
        return {"engagements": self._engagements, "absences": self._absences, "waits": self._waits}

    def _engagements(self) -> Iterator[None]:
        for table in self.tables.batches("engagements", "client", "start", "seconds"):
            self._lasting("engaged", table, "client")
            yield

    def _absences(self) -> Iterator[None]:
        for table in self.tables.batches("absences", "site", "start", "seconds"):
            self._lasting("away", table, "site")
            yield

    def _waits(self) -> Iterator[None]:
        for table in self.tables.batches("waits", "site", "start", "seconds", "reason"):
            self._lasting("queued", table, "site")
            self._lasting("aside", table.filter(compute.equal(table["reason"], SET_ASIDE)), "site", -1.0)
            yield

    def _lasting(self, state: str, table: pyarrow.Table, column: str, much: float = 1.0) -> None:
        start = table["start"].to_numpy()
        end = start + table["seconds"].to_numpy()
        self._change(state, self._places(table[column]), start, end, np.full(len(start), much))

    def _places(self, names: pyarrow.ChunkedArray) -> np.ndarray:
        """Return the places of sites by name; -1 for those that are left out."""
        found: np.ndarray = compute.fill_null(compute.index_in(names, value_set=self._known), -1).to_numpy()
        return found

    def _change(
        self, state: str, place: np.ndarray, start: np.ndarray, end: np.ndarray, much: np.ndarray | None = None
    ) -> None:
        """Note that sites are in a state from `start` to `end` (seconds), each as much as it says, or once."""
        known = place >= 0
        place, number = place[known].astype(np.int32), STATES.index(state)
        by = much[known].astype(float) if much is not None else np.ones(len(place))
        ticks = [self.clock.ticks(moments[known]) for moments in (start, end)]
        states = np.full(2 * len(place), number, np.int8)
        self._pending.append(Changes(np.concatenate(ticks), np.tile(place, 2), states, np.concatenate([by, -by])))

    # Changes become steps of counters.

    def _advance(self, until: int | None) -> Iterator[Block]:
        """Yield the events before a tick (None: all), for which all changes are known; later changes are kept."""
        changes = _joined(self._pending)
        if until is not None:
            later = changes.tick >= until
            self._pending = [Changes(*(column[later] for column in changes))]
            changes = Changes(*(column[~later] for column in changes))
        else:
            self._pending = []
        changes = Changes(*(column[order] for order in [np.argsort(changes.tick, kind="stable")] for column in changes))
        while self._gaps and (until is None or until > self._gaps[0][0]):
            begin, end = self._gaps[0]
            before, changes = self._split(changes, begin)
            yield from self._step(before)
            for counter in self.counters:
                counter.pause(begin)
            if until is not None and until <= end:
                break
            within, changes = self._split(changes, end + 1)  # so that there is one value at the end
            yield from self._step(within)
            for counter in self.counters:
                yield from counter.go_on(begin, end, self._now)
            self._gaps.pop(0)
        yield from self._step(changes)

    @staticmethod
    def _split(changes: Changes, at: int) -> tuple[Changes, Changes]:
        place = int(np.searchsorted(changes.tick, at, side="left"))
        return Changes(*(column[:place] for column in changes)), Changes(*(column[place:] for column in changes))

    def _step(self, changes: Changes) -> Iterator[Block]:
        """Apply changes, which are in order of time, and yield the events of all counters."""
        if not len(changes.tick):
            return
        order = np.lexsort((changes.tick, changes.site))
        tick, site, state, much = (column[order] for column in changes)
        sums = np.zeros((len(tick), len(STATES)))
        sums[np.arange(len(tick)), state] = much
        sums = np.cumsum(sums, axis=0)
        firsts = np.flatnonzero(np.diff(site, prepend=-1))
        before = np.concatenate([np.zeros((1, len(STATES))), sums[firsts[1:] - 1]])
        sums += np.repeat(self._now[site[firsts]] - before, np.diff(firsts, append=len(site)), axis=0)
        last = (np.diff(tick, append=-1) != 0) | (np.diff(site, append=-1) != 0)  # of several at once, the last counts
        tick, site, sums = tick[last], site[last], np.round(sums[last], 9)
        ends = np.flatnonzero(np.diff(site, append=-1))
        self._now[site[ends]] = sums[ends]
        for counter in self.counters:
            yield from counter.take(tick, site, counter.value(sums, site))

    def _power(self, states: np.ndarray, site: np.ndarray) -> np.ndarray:
        """Return the watts of sites, from how often over they are in each state."""
        of = {name: states[:, place] for place, name in enumerate(STATES)}
        idle, compute_, upload, download = (column[site] for column in self._watts)
        working = (of["computing"] > 0) | (of["upload"] > 0) | (of["download"] > 0)
        counted = of["engaged"] * (of["away"] == 0) + (~self._servers[site] & (of["engaged"] == 0) & working)
        links = upload * (of["upload"] > 0) + download * (of["download"] > 0)
        power: np.ndarray = idle * counted + compute_ * of["share"] + links
        return power


class _Counter:
    """A counter of all sites, or of all servers.

    Args:
        of: the counters of the trial.
        name: its name, after that of the site.
        unit: the unit of its values.
        value: computes the values from the states of sites, and their places.
    """

    def __init__(self, of: Counters, name: str, unit: str, value: Callable[..., np.ndarray]) -> None:
        self.of, self.unit, self.value = of, unit, value
        self.works = unit == "works"
        names = [text.plain(f"{site.name} {name}") for site in of.sites]
        self._names = pyarrow.array(names, pyarrow.string())
        self._shown, self._last = np.zeros(len(names)), np.zeros(len(names))
        self._since = np.zeros(len(names), np.int64)
        self._area: np.ndarray | None = None

    def take(self, tick: np.ndarray, site: np.ndarray, values: np.ndarray) -> Iterator[Block]:
        """Yield the steps of some sites, which come in order of site and time; in a gap only their area is added up."""
        values = np.round(values, 6) + 0.0
        first = np.diff(site, prepend=-1) != 0
        if self._area is not None:
            since = np.where(first, self._since[site], np.roll(tick, 1))
            before = np.where(first, self._last[site], np.roll(values, 1))
            np.add.at(self._area, site, before * (tick - since))
        ends = np.flatnonzero(np.diff(site, append=-1))
        if self._area is None:
            shown = values != np.where(first, self._shown[site], np.roll(values, 1))
            if self.works:
                shown &= self.of._servers[site]
            yield from self._written(tick[shown], site[shown], values[shown], self.works)
            self._shown[site[ends]] = values[ends]
        self._since[site[ends]], self._last[site[ends]] = tick[ends], values[ends]

    def pause(self, begin: int) -> None:
        """Begin to add up the area below the counter, if that has not begun yet."""
        if self._area is None:
            self._area = np.zeros(len(self._last))
            self._since[:] = begin

    def go_on(self, begin: int, end: int, states: np.ndarray) -> Iterator[Block]:
        """Yield the mean over a gap, and the value after it."""
        assert self._area is not None
        self._area += self._last * (end - self._since)
        mean = np.round(self._area / (end - begin), 12) + 0.0
        self._area = None
        everyone = np.arange(len(mean))
        for moment, values in ((begin, mean), (end, self._last)):
            shown = values != self._shown
            if self.works:
                shown &= self.of._servers
            yield from self._written(np.full(shown.sum(), moment), everyone[shown], values[shown], False)
            self._shown = values.copy()

    def _written(self, tick: np.ndarray, site: np.ndarray, values: np.ndarray, whole: bool) -> Iterator[Block]:
        if len(tick):
            names = self._names.take(pyarrow.array(site))
            ts = text.decimals(tick, self.of.clock.digits)
            numbers = text.whole(values) if whole else text.floats(values)
            parts = '{"name":', names, ',"ph":"C","ts":', ts, f'{self.of._ids}{self.unit}":', numbers, "}}"
            yield text.block(*parts, events=len(tick))
