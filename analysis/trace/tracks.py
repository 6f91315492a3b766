"""The tracks of a trial's trace: what they are called, and the slices on their lanes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pyarrow

from analysis.power import Site
from analysis.trace import text
from analysis.trace.lanes import Clock, Lanes
from analysis.trace.numbers import Numbers
from analysis.trace.text import Block, joined, strings, whole


class Tracks:
    """The tracks of one trial, and the slices that are put on them.

    Args:
        names: the names of all tracks that there may be, from top to bottom.
        clock: the clock of the trace.
        pid: the number of the trial in the trace.
        numbers: numbers the tracks of all trials of the trace.
    """

    def __init__(self, names: Iterable[str], clock: Clock, pid: int, numbers: Numbers) -> None:
        self.clock, self.pid, self.numbers = clock, pid, numbers
        self.order = {name: index for index, name in enumerate(dict.fromkeys(names))}
        self.lanes = [Lanes() for _ in self.order]
        self.tracks: dict[tuple[int, int], int] = {}

    def _ticks(self, start: np.ndarray, seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.clock.ticks(start), self.clock.ticks(start + seconds)

    def _tracks(self, names: pyarrow.ChunkedArray | pyarrow.Array, track: Callable[[str], str]) -> np.ndarray:
        """Return the places of tracks among all tracks, from the names of their sites."""
        packed = strings(names).dictionary_encode()
        places = np.array([self.order[track(name)] for name in packed.dictionary.to_pylist()], int)
        found: np.ndarray = places[packed.indices.to_numpy()]
        return found

    def _place(self, tracks: np.ndarray, begin: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Put slices (ticks) on lanes of their tracks; return the numbers of the lanes, and when the slices begin."""
        lanes, begin = np.zeros(len(tracks), int), begin.copy()
        order = np.argsort(tracks, kind="stable")
        edges = np.flatnonzero(np.diff(tracks[order], prepend=-1, append=-1))
        for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            rows = order[first:last]
            lanes[rows], begin[rows] = self.lanes[int(tracks[rows[0]])].place(begin[rows], end[rows])
        keys = tracks * (1 << 32) + lanes
        unique, firsts, back = np.unique(keys, return_index=True, return_inverse=True)
        tids = np.zeros(len(unique), int)
        for place in np.argsort(firsts).tolist():
            tids[place] = self._tid(*divmod(int(unique[place]), 1 << 32))
        return tids[back.ravel()], begin

    def _tid(self, track: int, lane: int) -> int:
        if (track, lane) not in self.tracks:
            self.tracks[track, lane] = self.numbers.track()
        return self.tracks[track, lane]

    def _slices(
        self, tracks: np.ndarray, start: np.ndarray, seconds: np.ndarray, names: text.Column, category: text.Column,
        args: text.Column,
    ) -> Block:  # fmt: skip
        """Return slices on the first free lanes of their tracks, which start in order of time."""
        begin, end = self._ticks(start, seconds)
        tids, begin = self._place(tracks, begin, end)
        return text.block(self._slice_text(names, category, begin, end, whole(tids), args), events=len(tids))

    def _slice_text(
        self, names: text.Column, category: text.Column, begin: np.ndarray, end: np.ndarray, tids: text.Column,
        args: text.Column,
    ) -> pyarrow.StringArray:  # fmt: skip
        digits = self.clock.digits
        ts, dur = text.decimals(begin, digits), text.decimals(np.maximum(0, end - begin), digits)
        head = '{"name":', names, ',"cat":"', category, '","ph":"X","ts":', ts, ',"dur":', dur
        return joined(*head, f',"pid":{self.pid},"tid":', tids, ',"args":', args, "}")


def links(site: str) -> tuple[str, str]:
    return f"{site} uplink", f"{site} downlink"


def slots(site: Site, gpu: int, noun: str, moving: bool) -> str:
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


def attempts(site: str) -> str:
    return f"{site} attempts"


def absences(site: str) -> str:
    return f"{site} absences"
