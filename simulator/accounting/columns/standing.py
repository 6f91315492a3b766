"""Sites that stand by: for how long they are there, and how much of that devices wait."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulator.accounting.columns import stretches
from simulator.accounting.columns.reading import Codes, Floats, Ints, codes, floats, ints, joined
from simulator.accounting.ledger import Ledger

AT_ONCE = 1 << 17
"""About how many stretches are sorted at once."""


class Presence:
    """When sites were away, by number.

    Args:
        ledger: the ledger.
        numbers: the number of each site.
    """

    def __init__(self, ledger: Ledger, numbers: dict[str, int]) -> None:
        away: dict[int, list[tuple[float, float]]] = defaultdict(list)
        for row in ledger.absences:
            if row.site in numbers:
                away[numbers[row.site]].append((row.start, row.start + row.seconds))
        self._sites = np.array(sorted(away), np.int64)
        self._edges = np.cumsum([0, *(len(away[site]) for site in sorted(away))])
        spans = [span for site in sorted(away) for span in away[site]]
        self._spans = np.array(spans, np.float64).reshape(-1, 2)

    def seconds(self, sites: Any, starts: Floats, seconds: Floats) -> Floats:
        """Return the seconds of intervals in which their sites were not away.

        Args:
            sites: the number of each interval's site.
            starts, seconds: when it begins, in seconds of the clock, and how long it lasts.
        """
        if not len(self._sites):
            return seconds
        at = np.minimum(np.searchsorted(self._sites, sites), len(self._sites) - 1)
        known = self._sites[at] == sites
        counts = np.where(known, self._edges[at + 1] - self._edges[at], 0)
        rows = np.repeat(np.arange(len(sites)), counts)
        places = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts) + self._edges[at][rows]
        begins, ends = self._spans[places].T
        overlaps = np.minimum(ends, (starts + seconds)[rows]) - np.maximum(begins, starts[rows])
        away = np.bincount(rows, weights=np.maximum(0.0, overlaps), minlength=len(sites))  # adds one after another
        return seconds - away


@dataclass(slots=True)
class Busy:
    """Stretches in which engines of sites were busy, in columns.

    Attributes:
        sites: the number of the site.
        starts, ends: when they begin and end, in seconds of the clock.
        rounds: their rounds.
    """

    sites: Any
    starts: Floats
    ends: Floats
    rounds: Any


class Engagements:
    """The engagements of devices, in the order of the ledger.

    Args:
        ledger: the ledger.
        numbers: the number of each site.

    Attributes:
        sites, rounds: the number of the device, and the round.
        starts, seconds: when each begins, in seconds of the clock, and how long it lasts.
        active: for how many seconds of it the device was active.
    """

    def __init__(self, ledger: Ledger, numbers: dict[str, int]) -> None:
        chunks = [
            (codes(client, numbers), ints(round).astype(np.int32), floats(start), floats(seconds))
            for client, round, start, seconds in ledger.engagements.chunks("client", "round", "start", "seconds")
        ]
        types = (np.int32, np.int32, np.float64, np.float64)
        none: list[tuple[Any, ...]] = [tuple(np.zeros(0, kind) for kind in types)]
        self.sites, self.rounds, self.starts, self.seconds = joined(chunks or none)
        self.active = np.zeros(len(self.sites))


@dataclass(slots=True)
class Pieces:
    """Times at which devices were active without being engaged, in columns.

    Attributes:
        sites, rounds: the number of the device, and the round.
        starts, ends: when each begins and ends, in seconds of the clock.
    """

    sites: Codes
    rounds: Any
    starts: Floats
    ends: Floats


def compare_activity(engaged: Engagements, busy: list[Busy], order: Codes) -> Iterator[Pieces]:
    """Note for how long devices were active in their engagements, and yield their activity outside of these.

    Args:
        engaged: the engagements; their ``active`` is set, once all is taken.
        busy: the stretches in which devices were busy.
        order: the numbers of the devices, in the order in which they are to be taken.
    """
    if not len(order):
        return
    ranks = np.full(int(order.max()) + 1, -1, np.int32)
    ranks[order] = np.arange(len(order))
    columns = [ranks[engaged.sites], *(ranks[part.sites] for part in busy)]
    for first, last, (own, *rows) in stretches.batches(columns, len(order), AT_ONCE):
        none = np.zeros(0)
        stretch: list[list[Any]] = [[none.astype(np.int64)], [none], [none], [none.astype(np.int32)]]
        for part, keys, taken in zip(busy, columns[1:], rows, strict=True):
            for column, values in zip(stretch, (keys - first, part.starts, part.ends, part.rounds), strict=True):
                column.append(values[taken])
        yield _activity(engaged, own, columns[0][own] - first, list(map(np.concatenate, stretch)), order[first:last])


def _activity(engaged: Engagements, rows: Ints, keys: Ints, stretch: Sequence[Any], devices: Codes) -> Pieces:
    """Do what ``compare_activity`` does for some of the devices.

    Args:
        engaged: all engagements.
        rows, keys: the places of those of these devices, and for each the place of its device among these.
        stretch: the stretches: the place of the device among these, start, end and round, in columns.
        devices: the numbers of these devices.
    """
    ranks, starts, ends, rounds = stretch
    parts = stretches.covered(ranks, starts, ends, rounds)
    edges = stretches.bounds(parts.keys, len(devices))
    low, high, sums = edges[keys], edges[keys + 1], stretches.running(parts.keys, parts.seconds)
    begin, end = engaged.starts[rows], engaged.starts[rows] + engaged.seconds[rows]
    until = stretches.before(parts, sums, low, high, end)
    engaged.active[rows] = until - stretches.before(parts, sums, low, high, begin)
    places, starts, ends = stretches.outside(parts, *stretches.merged(keys, begin, end), len(devices))
    return Pieces(devices[parts.keys[places]], rounds[parts.places[places]], starts, ends)
