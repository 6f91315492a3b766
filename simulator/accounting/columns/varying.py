"""The mean of a value that varies in time over the time in which uses drew their energy, in columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from simulator.accounting.columns.block import COMPUTE, IDLE, Block, Sites
from simulator.accounting.columns.reading import Floats, Mask, floats
from simulator.accounting.integral import Integral, Span
from simulator.accounting.ledger import Ledger


class Means:
    """Means over the time of uses, which must be asked for in the order of the uses.

    Args:
        ledger: the ledger of the trial.
        integral: the integral of the value.
    """

    def __init__(self, ledger: Ledger, integral: Integral) -> None:
        self._integral = integral
        self._moments, self._values, self._sums = (np.array(column, np.float64) for column in integral.steps)
        self._works = _spans_of_works(ledger)
        rounds = [(row.start, row.start + row.seconds) for row in ledger.rounds]
        away: dict[str, list[Span]] = defaultdict(list)
        for row in ledger.absences:
            away[row.site].append((row.start, row.start + row.seconds))
        self._absent = {site: sorted(spans) for site, spans in away.items()}
        others = [row.name for row in ledger.sites.where("role", "device".__ne__)]
        self._outside = {site: sorted([*rounds, *self._absent.get(site, ())]) for site in others}
        self._known: Sites | None = None
        self._pieces: Mask = np.zeros(0, np.bool_)

    def of(self, block: Block) -> Floats:
        """Return for each use the mean over the time in which it drew its energy."""
        starts, seconds = block.start.astype(np.float64), block.seconds.astype(np.float64)
        works, idle = np.flatnonzero(block.activity == COMPUTE), np.flatnonzero(block.activity == IDLE)
        if len(works):  # a work that shares its slot lasts longer than it keeps one busy
            own = (starts[works], block.lasted[works]) if block.lasted is not None else self._next(len(works))
            starts[works], seconds[works] = own
        seconds[idle] = np.maximum(0.0, seconds[idle])
        found = self._over(starts, starts + seconds)
        names = block.sites.names
        for at in idle[self._broken(block.sites)[block.site[idle]]].tolist():
            site, round = names[block.site[at]], int(block.round[at])
            gaps = self._outside.get(site) if round == 0 else None
            gaps = self._absent.get(site, []) if gaps is None else gaps
            found[at] = self._integral.mean(without(gaps, float(block.start[at]), float(block.seconds[at])))
        return found

    def _broken(self, sites: Sites) -> Mask:
        """Return for each site whether it may be idle in more than one piece."""
        if self._known is not sites:  # most blocks of a trial share them, and there may be very many
            self._known = sites
            pieces = self._absent.keys() | self._outside.keys()
            self._pieces = np.fromiter(map(pieces.__contains__, sites.names), np.bool_, len(sites.names))
        return self._pieces

    def _over(self, begins: Floats, ends: Floats) -> Floats:
        """Return the means over single spans, as ``Integral.mean`` does."""
        first, last = (np.maximum(0, np.searchsorted(self._moments, each, "right") - 1) for each in (begins, ends))
        means: Floats = self._values[first]
        across = np.flatnonzero(first != last)
        low, high, begin, end = first[across], last[across], begins[across], ends[across]
        inside = self._sums[high] - self._sums[low + 1]
        before = self._values[low] * (self._moments[low + 1] - begin)
        means[across] = (before + inside + self._values[high] * (end - self._moments[high])) / (end - begin)
        return means

    def _next(self, count: int) -> tuple[Any, Any]:
        """Return starts and seconds of the next works of the ledger: uses that are given one by one lack them."""
        starts, seconds = zip(*(next(self._works) for _ in range(count)), strict=True)
        return np.array(starts), np.array(seconds)


def _spans_of_works(ledger: Ledger) -> Iterator[tuple[float, float]]:
    for start, seconds in ledger.works.chunks("start", "seconds"):
        yield from zip(floats(start).tolist(), floats(seconds).tolist(), strict=True)


def without(gaps: Sequence[Span], begin: float, seconds: float) -> list[Span]:
    """Return the first so many seconds from a moment on that lie in none of the gaps, which are sorted."""
    spans, now = [], begin
    for start, end in gaps:
        if end <= now:
            continue
        if start - now >= seconds:
            break
        if start > now:
            spans.append((now, start))
            seconds -= start - now
        now = end
    return [*spans, (now, now + max(0.0, seconds))]
