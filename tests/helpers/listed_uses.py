"""Uses row by row, as a list: slow and simple, for tests that compare what is computed from columns with it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from simulator.accounting.ledger import AbsenceRow, Ledger
from simulator.accounting.power import Power
from simulator.accounting.use import RESOLUTION, Use


class Stretch(NamedTuple):
    """A stretch of time in which an engine was busy: ``start`` and ``end`` in seconds, and the round and the phase."""

    start: float
    end: float
    round: int
    phase: str


def listed_uses(
    ledger: Ledger, power: Mapping[str, Power], clients: Iterable[str], start: float, end: float
) -> list[Use]:
    """Return all that was used in a trial, from the rows of its ledger.

    Clients are counted while they are engaged, waiting included, and while they are active beyond that: the device of a
    client that was stopped finishes the work it had begun. Other sites are counted all the time. Absences count as
    neither idle nor waiting time.

    Args:
        ledger: the ledger of one trial.
        power: what each site draws, by its name.
        clients: the names of the sites that are clients.
        start, end: the clock at the beginning and at the end of the trial, in seconds.
    """
    devices = set(clients)
    sides = {site: "client" if site in devices else "server" for site in power}
    above_idle = {
        (site, engine): getattr(watts, engine) - watts.idle
        for site, watts in power.items()
        for engine in ("compute", "upload", "download")
    }
    used: list[Use] = []
    busy: dict[tuple[str, str], list[Stretch]] = defaultdict(list)  # by site and engine

    for work in ledger.works:
        site, phase, round, start_s, seconds = work.site, work.phase, work.round, work.start, work.seconds
        busy[site, "compute"].append(Stretch(start_s, start_s + seconds, round, phase))
        seconds *= work.share
        joules = above_idle[site, "compute"] * seconds
        used.append(Use(sides[site], site, phase, "compute", round, start_s, seconds, 0, work.flops, joules))

    for sent in ledger.transfers:
        stretch = Stretch(sent.start + sent.latency, sent.start + sent.seconds, sent.round, sent.phase)
        for site, activity in ((sent.source, "upload"), (sent.target, "download")):
            busy[site, activity].append(stretch)
            if site in devices:
                began = stretch.start
                used.append(Use("client", site, sent.phase, activity, sent.round, began, 0.0, sent.bytes, 0, 0.0))

    for (site, engine), stretches in busy.items():
        if engine == "compute":
            continue
        for part, seconds in covered(stretches):
            joules = above_idle[site, engine] * seconds
            used.append(Use(sides[site], site, part.phase, engine, part.round, part.start, seconds, 0, 0, joules))

    used.extend(_standing_by(ledger, power, devices, busy, start, end))
    return used


def covered(stretches: Iterable[Stretch]) -> list[tuple[Stretch, float]]:
    """Return the union of stretches as parts that do not overlap, in order, each with its seconds.

    Time that several stretches cover belongs to the one that starts first.
    """
    parts, until = [], float("-inf")
    for stretch in sorted(stretches):
        added = stretch.end - max(stretch.start, until)
        if added > 0:
            parts.append((stretch._replace(start=max(stretch.start, until)), added))
            until = stretch.end
    return parts


def _seconds_before(stretches: Iterable[Stretch]) -> Callable[[float], float]:
    """Return a function of a moment: the seconds of the union of stretches that lie before it."""
    starts, ends, sums = [], [], [0.0]
    for stretch, seconds in covered(stretches):
        starts.append(stretch.end - seconds)
        ends.append(stretch.end)
        sums.append(sums[-1] + seconds)

    def before(moment: float) -> float:
        begun = bisect_left(starts, moment)
        return sums[begun] - max(0.0, ends[begun - 1] - moment) if begun else 0.0

    return before


def _standing_by(
    ledger: Ledger,
    power: Mapping[str, Power],
    devices: set[str],
    busy: Mapping[tuple[str, str], list[Stretch]],
    start: float,
    end: float,
) -> list[Use]:
    """Return the idle and waiting time of all sites; the parameters are those of ``uses``, and the busy stretches."""
    active, engaged = {}, defaultdict(list)
    for row in ledger.engagements:
        engaged[row.client].append((row.start, row.start + row.seconds))
    engines = {
        site: [stretch for engine in ("compute", "upload", "download") for stretch in busy.get((site, engine), ())]
        for site in sorted(devices)
    }
    for site in engaged:
        active[site] = _seconds_before(engines[site])
    absences: dict[str, list[AbsenceRow]] = defaultdict(list)
    for absence in ledger.absences:
        absences[absence.site].append(absence)

    def present(site: str, begin: float, seconds: float) -> float:
        """Return the seconds of an interval in which a site was not away."""
        away = (min(a.start + a.seconds, begin + seconds) - max(a.start, begin) for a in absences[site])
        return seconds - sum(max(0.0, overlap) for overlap in away)

    used = []
    for row in ledger.engagements:
        seconds = present(row.client, row.start, row.seconds)
        joules = power[row.client].idle * seconds
        active_seconds = active[row.client](row.start + row.seconds) - active[row.client](row.start)
        waiting = max(0.0, seconds - active_seconds)
        used.append(Use("client", row.client, "idle", "idle", row.round, row.start, seconds, 0, 0, joules))
        used.append(Use("client", row.client, "waiting", "wait", row.round, row.start, waiting, 0, 0, 0.0))
    for site in sorted(devices):
        for piece in _outside(engines[site], sorted(engaged[site])):
            seconds = piece.end - piece.start
            joules = power[site].idle * seconds
            used.append(Use("client", site, "idle", "idle", piece.round, piece.start, seconds, 0, 0, joules))
    for site in (name for name in power if name not in devices):
        counted = 0.0
        for turn in ledger.rounds:
            seconds = present(site, turn.start, turn.seconds)
            joules = power[site].idle * seconds
            used.append(Use("server", site, "idle", "idle", turn.round, turn.start, seconds, 0, 0, joules))
            counted += seconds
        seconds = present(site, start, end - start) - counted
        if seconds > 1e-9 * (end - start):  # the time outside of rounds
            used.append(Use("server", site, "idle", "idle", 0, start, seconds, 0, 0, power[site].idle * seconds))
    return used


def _outside(stretches: Iterable[Stretch], intervals: Sequence[tuple[float, float]]) -> Iterator[Stretch]:
    """Yield the pieces of the union of stretches that lie in none of the intervals, which are sorted."""
    busy = _merged(intervals)
    starts = [begin for begin, _ in busy]
    for part, seconds in covered(stretches):
        begin = part.end - seconds
        at = max(0, bisect_right(starts, begin) - 1)
        while at < len(busy) and busy[at][0] < part.end:
            first, last = busy[at]
            if first - begin > RESOLUTION * first:
                yield part._replace(start=begin, end=first)
            begin, at = max(begin, last), at + 1
        if part.end - begin > RESOLUTION * part.end:
            yield part._replace(start=begin)


def _merged(intervals: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the union of sorted intervals as intervals that do not overlap."""
    union: list[tuple[float, float]] = []
    for begin, end in intervals:
        if union and begin <= union[-1][1]:
            begin, latest = union.pop()
            end = max(end, latest)
        union.append((begin, end))
    return union
