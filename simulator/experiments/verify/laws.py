"""The laws that the rows of a ledger obey, whatever was simulated."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from simulator.accounting.ledger import SET_ASIDE
from simulator.accounting.waste import UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.accounting.ledger import Ledger

RESOLUTION = 1e-9
"""Moments that differ by no more than this part are the same."""
_STARTS = ("works", "transfers", "waits", "attempts", "engagements", "absences", "rounds")


def laws(
    ledger: Ledger, end: float, rounds: int, shares_processors: Mapping[str, bool]
) -> Iterator[tuple[str, list[str]]]:
    """Yield each law with what breaks it.

    Args:
        ledger: the ledger of one trial.
        end: when the trial ends, in seconds of the clock.
        rounds: how many rounds it has.
        shares_processors: by site, whether any number of works share its slots; sites that are not named do not.
    """
    slack = RESOLUTION * max(1.0, end)
    yield "sites are known", list(_unknown_sites(ledger))
    yield "time", list(_in_time(ledger, end, slack))
    yield "amounts", list(_amounts(ledger))
    yield "slots", list(_slots(ledger, end, slack, shares_processors))
    yield "absences", list(_working_while_away(ledger, slack))
    yield "rounds", list(_rounds(ledger, rounds, slack))
    yield "updates", list(_updates(ledger))


def _unknown_sites(ledger: Ledger) -> Iterator[str]:
    known = {row.name for row in ledger.sites}
    if len(known) < len(ledger.sites):
        yield "sites.parquet: a site appears twice"
    columns = (("works", "site"), ("transfers", "source"), ("transfers", "target"), ("engagements", "client"))
    for name, column in (
        *columns,
        ("absences", "site"),
        ("attempts", "client"),
        ("waits", "site"),
        ("works", "client"),
    ):
        for site in sorted(set(ledger.tables()[name].column(column)) - known - {None}):
            yield f"{name}.parquet: {column} {site!r} is none of the trial's sites"


def _in_time(ledger: Ledger, end: float, slack: float) -> Iterator[str]:
    for name in _STARTS:
        for place, row in enumerate(ledger.tables()[name]):
            asked = row.asked if name == "works" else row.start
            if not 0 <= asked <= row.start + slack:
                yield f"{name}.parquet: row {place} was asked for at {asked} s, and begins at {row.start} s"
            elif not row.seconds >= 0:
                yield f"{name}.parquet: row {place} lasts {row.seconds} s"
            elif row.start + row.seconds > end + slack:
                yield f"{name}.parquet: row {place} ends at {row.start + row.seconds} s, after the trial ({end} s)"


def _amounts(ledger: Ledger) -> Iterator[str]:
    for place, work in enumerate(ledger.works):
        if work.flops < 0 or work.bytes_touched < 0 or not 0 <= work.share <= 1 + RESOLUTION:
            yield f"works.parquet: row {place} has {work.flops} FLOPs, {work.bytes_touched} bytes, share {work.share}"
        if bool(work.lost) < bool(work.reason):
            yield f"works.parquet: row {place} has a reason ({work.reason}), and is not lost"
    for place, sent in enumerate(ledger.transfers):
        if not 0 <= sent.lost <= sent.bytes or not 0 <= sent.latency <= sent.seconds * (1 + RESOLUTION) + RESOLUTION:
            yield (
                f"transfers.parquet: row {place} has {sent.bytes} bytes, {sent.lost} lost, "
                f"{sent.latency} of {sent.seconds} s latency"
            )


def _slots(ledger: Ledger, end: float, slack: float, shares_processors: Mapping[str, bool]) -> Iterator[str]:
    """At no time are more slots busy than a site has."""
    slots = {row.name: row.slots * row.gpus for row in ledger.sites}
    aside: dict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
    for wait in ledger.waits:
        if wait.reason == SET_ASIDE:
            aside[wait.site, wait.aside].append((wait.start, wait.start + wait.seconds))
    busy: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for work in ledger.works:
        stop = work.start + work.seconds
        if shares_processors.get(work.site):  # works come and go within a row: only the sum over the trial is known
            continue
        if not work.aside:
            busy[work.site] += (work.start, work.share), (stop, -work.share)
            continue
        begin = work.start
        for start, until in sorted(aside[work.site, work.aside]):
            busy[work.site] += (begin, 1.0), (start, -1.0)
            begin = until
        busy[work.site] += (begin, 1.0), (stop, -1.0)
    for site, changes in busy.items():
        moments, by = np.array(changes).T
        order = np.lexsort((by, np.rint(moments / slack)))  # what ends at a moment makes room for what begins then
        taken = np.cumsum(by[order])
        most = int(np.argmax(taken))
        if taken[most] > slots.get(site, 0) + 1e-6:
            yield (
                f"works.parquet: at {moments[order][most]:.9g} s {taken[most]:.6g} slots of {site} are busy, "
                f"and it has {slots.get(site, 0)}"
            )
    for site in (site for site, does in shares_processors.items() if does):
        served = sum(work.seconds * work.share for work in ledger.works.where("site", site.__eq__))
        if served > slots.get(site, 0) * (end + slack):
            yield f"works.parquet: slots of {site} are busy for {served:.6g} s, and {slots.get(site, 0)} are there"


def _working_while_away(ledger: Ledger, slack: float) -> Iterator[str]:
    away: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in ledger.absences:
        away[row.site].append((row.start, row.start + row.seconds))
    works = defaultdict(list)
    for place, work in enumerate(ledger.works):
        if work.site in away and not work.aside:
            works[work.site].append((place, work.start, work.start + work.seconds))
    for site, spans in away.items():
        spans.sort()
        begins, lasting = [begin for begin, _ in spans], list(accumulate((stop for _, stop in spans), max))
        for place, start, end in works[site]:
            last = bisect_left(begins, end - slack)  # those from here on begin when the work is over
            first = bisect_right(lasting, start + slack)  # those before it are over when the work begins
            for begin, stop in spans[first:last]:
                if min(stop, end) - max(begin, start) > slack:
                    away_then = f"which is away from {begin} s to {stop} s"
                    yield f"works.parquet: row {place} is served at {site}, {away_then}"


def _rounds(ledger: Ledger, rounds: int, slack: float) -> Iterator[str]:
    numbers = list(ledger.rounds.column("round"))
    if numbers != list(range(1, len(numbers) + 1)):
        yield "rounds.parquet: the rounds are not numbered from 1 on"
    if len(numbers) != rounds:
        yield f"rounds.parquet: there are {len(numbers)} rounds, and by summary.json {rounds}"
    before = 0.0
    for row in ledger.rounds:
        if row.start < before - slack:
            yield f"rounds.parquet: round {row.round} begins at {row.start} s, before the last ends ({before} s)"
        before = row.start + row.seconds


def _updates(ledger: Ledger) -> Iterator[str]:
    used: dict[int, int] = defaultdict(int)
    for place, row in enumerate(ledger.attempts):
        if not row.reason:
            used[row.round] += 1
        if bool(row.reason) == bool(row.round) or (not row.reason and row.staleness != row.round - 1 - row.base):
            yield (
                f"attempts.parquet: row {place} has round {row.round}, base {row.base}, staleness {row.staleness} "
                f"and {row.reason or 'no'} reason"
            )
        if row.reason == UNFINISHED and row.round:
            yield f"attempts.parquet: row {place} is unfinished, and used in round {row.round}"
    if len(ledger.attempts):
        for turn in ledger.rounds:
            if used[turn.round] != turn.updates:
                yield (
                    f"rounds.parquet: round {turn.round} has {turn.updates} updates, "
                    f"and {used[turn.round]} attempts were used in it"
                )
