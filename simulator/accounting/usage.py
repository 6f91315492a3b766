"""From the ledger to seconds, bytes, FLOPs and joules, by site, phase, activity and round.

Energy = idle watts x the time a site is counted for + (state watts - idle watts) x the time in that state, over all
states; states that overlap add. A link that carries several flows at once is one engine, busy once; a slot that
computes is one each. Latency moves no bytes and draws nothing above idle.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from simulator.accounting.ledger import AbsenceRow, Ledger

if TYPE_CHECKING:
    from simulator.accounting.power import Power


RESOLUTION = 1e-12
"""Of the clock, relative: shorter pieces are what rounding leaves."""


class Use(NamedTuple):
    """Something a site did, or that it stood by.

    ``activity``: ``compute``, ``upload`` (it sends), ``download`` (it receives): joules are those above idle;
    ``idle``: the joules of being there; ``wait``: the part of that time in which it did nothing, no further joules.
    ``bytes`` of a client's uploads and downloads; the server's sides of the same transfers carry none.

    It began at ``start`` of the clock, in seconds; of transfers that share a link each has the stretch that is counted
    for it, and no two overlap. Standing by starts with the engagement or round that it is part of, waiting too, whose
    seconds lie anywhere in it.
    """

    side: str
    site: str
    phase: str
    activity: str
    round: int
    start: float
    seconds: float
    bytes: int
    flops: int
    energy_j: float


class Stretch(NamedTuple):
    """Time an engine was busy, from ``start`` to ``end``, and what for."""

    start: float
    end: float
    round: int
    phase: str


def uses(ledger: Ledger, power: Mapping[str, Power], clients: Iterable[str], start: float, end: float) -> list[Use]:
    """Everything the ledger says was used between ``start`` and ``end`` of the clock.

    Clients are counted while they are engaged, waiting included, and while they are active beyond that: what a stopped
    client's device had begun it finishes. Other sites are counted all the time.

    Args:
        ledger: of one trial.
        power: watts of each site by name.
        clients: the names of the sites that are clients.
        start, end: seconds of the clock.
    """
    devices = set(clients)
    sides = {site: "client" if site in devices else "server" for site in power}
    above_idle = {
        (site, engine): getattr(watts, engine) - watts.idle
        for site, watts in power.items()
        for engine in ("compute", "upload", "download")
    }
    found: list[Use] = []
    busy: dict[tuple[str, str], list[Stretch]] = defaultdict(list)  # by site and engine

    for work in ledger.works:
        site, phase, round, start_s, seconds = work.site, work.phase, work.round, work.start, work.seconds
        busy[site, "compute"].append(Stretch(start_s, start_s + seconds, round, phase))
        joules = above_idle[site, "compute"] * seconds
        found.append(Use(sides[site], site, phase, "compute", round, start_s, seconds, 0, work.flops, joules))

    for sent in ledger.transfers:
        stretch = Stretch(sent.start + sent.latency, sent.start + sent.seconds, sent.round, sent.phase)
        for site, activity in ((sent.source, "upload"), (sent.target, "download")):
            busy[site, activity].append(stretch)
            if site in devices:
                moment = stretch.start
                found.append(Use("client", site, sent.phase, activity, sent.round, moment, 0.0, sent.bytes, 0, 0.0))

    for (site, engine), stretches in busy.items():
        if engine == "compute":
            continue
        for part, seconds in covered(stretches):
            joules = above_idle[site, engine] * seconds
            found.append(Use(sides[site], site, part.phase, engine, part.round, part.start, seconds, 0, 0, joules))

    found.extend(_standing_by(ledger, power, devices, busy, start, end))
    return found


def covered(stretches: Iterable[Stretch]) -> list[tuple[Stretch, float]]:
    """The union of stretches in parts that do not overlap, in order, each of a stretch that extends it; and seconds."""
    parts, until = [], float("-inf")
    for stretch in sorted(stretches):
        fresh = stretch.end - max(stretch.start, until)
        if fresh > 0:
            parts.append((stretch._replace(start=max(stretch.start, until)), fresh))
            until = stretch.end
    return parts


def _seconds_before(stretches: Iterable[Stretch]) -> Callable[[float], float]:
    """How many seconds of the union of stretches lie before a moment."""
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
        away = (min(a.start + a.seconds, begin + seconds) - max(a.start, begin) for a in absences[site])
        return seconds - sum(max(0.0, overlap) for overlap in away)

    found = []
    for row in ledger.engagements:
        seconds = present(row.client, row.start, row.seconds)
        joules = power[row.client].idle * seconds
        active_seconds = active[row.client](row.start + row.seconds) - active[row.client](row.start)
        waiting = max(0.0, seconds - active_seconds)
        found.append(Use("client", row.client, "idle", "idle", row.round, row.start, seconds, 0, 0, joules))
        found.append(Use("client", row.client, "waiting", "wait", row.round, row.start, waiting, 0, 0, 0.0))
    for site in sorted(devices):
        for piece in _outside(engines[site], sorted(engaged[site])):
            seconds = piece.end - piece.start
            joules = power[site].idle * seconds
            found.append(Use("client", site, "idle", "idle", piece.round, piece.start, seconds, 0, 0, joules))
    for site in (name for name in power if name not in devices):
        counted = 0.0
        for turn in ledger.rounds:
            seconds = present(site, turn.start, turn.seconds)
            joules = power[site].idle * seconds
            found.append(Use("server", site, "idle", "idle", turn.round, turn.start, seconds, 0, 0, joules))
            counted += seconds
        seconds = present(site, start, end - start) - counted
        if seconds > 1e-9 * (end - start):  # outside of any round
            found.append(Use("server", site, "idle", "idle", 0, start, seconds, 0, 0, power[site].idle * seconds))
    return found


def _outside(stretches: Iterable[Stretch], intervals: Sequence[tuple[float, float]]) -> Iterator[Stretch]:
    """The pieces of the union of stretches that lie in none of these intervals, which are in order."""
    starts = [begin for begin, _ in intervals]
    for part, seconds in covered(stretches):
        begin = part.end - seconds
        at = max(0, bisect_right(starts, begin) - 1)
        for first, last in intervals[at:]:
            if first >= part.end:
                break
            if first - begin > RESOLUTION * first:
                yield part._replace(start=begin, end=first)
            begin = max(begin, last)
        if part.end - begin > RESOLUTION * part.end:
            yield part._replace(start=begin)


def active_energy(found: Iterable[Use], power: Mapping[str, Power]) -> float:
    """Joules of the clients without their waiting: what they draw while they compute, send or receive."""
    joules = 0.0
    for use in found:
        if use.side == "client":
            joules += use.energy_j
            if use.activity == "wait":
                joules -= power[use.site].idle * use.seconds
    return joules
