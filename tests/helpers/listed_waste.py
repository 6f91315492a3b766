"""Waste row by row: slow and simple, for tests that compare what is computed from columns with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from math import fsum

from simulator.accounting.ledger import Ledger, Row, TransferRow, WorkRow
from simulator.accounting.payload import FROZEN_WEIGHTS
from simulator.accounting.power import Power
from simulator.accounting.waste import RETRANSMITTED, UNFINISHED, Waste
from tests.helpers.listed_uses import Stretch, covered


def listed_marked(ledger: Ledger) -> tuple[list[WorkRow], list[TransferRow]]:
    """Return the works and transfers of a ledger with the reasons of their attempts, as ``waste.marked`` does."""
    reasons = {(row.client, row.attempt): row.reason for row in ledger.attempts if row.reason}
    if not reasons:
        return list(ledger.works), list(ledger.transfers)
    works = []
    for work in ledger.works:
        why = work.reason or reasons.get((work.client or "", work.attempt), "")
        works.append(work._replace(reason=why, lost=work.lost or bool(why)))
    transfers = []
    for sent in ledger.transfers:
        why = sent.reason or reasons.get((sent.client or "", sent.attempt), "")
        transfers.append(sent if sent.kind == FROZEN_WEIGHTS else sent._replace(reason=why))
    return works, transfers


def listed_waste(ledger: Ledger, power: Mapping[str, Power], clients: Iterable[str]) -> dict[str, Waste]:
    """Return what was spent in vain, by reason, in alphabetical order; empty if nothing was.

    Time in which a device was busy for several reasons belongs to the one that began first, so that the sum over
    reasons is all waste. What was unfinished at the end is none. Of a transfer that arrived, the last part of its time
    is in vain, with the share of its bytes that were lost on their way and sent again.

    Args:
        ledger: the ledger of one trial.
        power: what each site draws, by its name.
        clients: the names of the sites that are devices.
    """
    works, transfers = listed_marked(ledger)
    devices = set(clients)
    sums: dict[str, Waste] = defaultdict(Waste)
    joules: dict[str, list[float]] = defaultdict(list)
    busy: dict[str, list[Stretch]] = defaultdict(list)  # by device; the phase of a stretch is its reason here
    links: dict[tuple[str, str], list[Stretch]] = defaultdict(list)  # by site and engine

    for work in _wasted(works):
        sums[work.reason] = _more(sums[work.reason], flops=work.flops)
        watts = power[work.site]
        joules[work.reason].append((watts.compute - watts.idle) * work.seconds * work.share)
        if work.site in devices:
            busy[work.site].append(Stretch(work.start, work.start + work.seconds, 0, work.reason))
    for sent in _wasted(transfers):
        sums[sent.reason] = _more(sums[sent.reason], bytes=sent.bytes)
        stretch = Stretch(sent.start + sent.latency, sent.start + sent.seconds, 0, sent.reason)
        for site, engine in ((sent.source, "upload"), (sent.target, "download")):
            links[site, engine].append(stretch)
            if site in devices:
                busy[site].append(stretch)
    if again := sum(row.lost for row in transfers if row.lost and not row.reason):  # they arrived all the same
        sums[RETRANSMITTED] = _more(sums[RETRANSMITTED], bytes=again)
        for site, engine, stretch in _sent_again(transfers):
            links[site, engine].append(stretch)
            if site in devices:
                busy[site].append(stretch)

    for (site, engine), stretches in links.items():
        watts = power[site]
        for part, seconds in covered(stretches):
            joules[part.phase].append((getattr(watts, engine) - watts.idle) * seconds)
    times: dict[str, list[float]] = defaultdict(list)
    for site, stretches in busy.items():
        for part, seconds in covered(stretches):
            times[part.phase].append(seconds)
            joules[part.phase].append(power[site].idle * seconds)
    return {
        reason: found._replace(device_seconds=fsum(times[reason]), energy_j=fsum(joules[reason]))
        for reason, found in sorted(sums.items())
    }


def _sent_again(transfers: Iterable[TransferRow]) -> Iterator[tuple[str, str, Stretch]]:
    """Yield site, engine and the stretch in which it sent or received bytes again, of each transfer that was of use.

    On a link that several transfers share, each has the time that ``covered`` gives it, so that their sum is no more
    than the link was busy.
    """
    shares: list[float] = []
    links: dict[tuple[str, str], list[Stretch]] = defaultdict(list)  # a stretch's round is its place in shares here
    for sent in (row for row in transfers if not row.reason):
        stretch = Stretch(sent.start + sent.latency, sent.start + sent.seconds, len(shares), RETRANSMITTED)
        shares.append(sent.lost / sent.bytes if sent.bytes else 0.0)
        for link in ((sent.source, "upload"), (sent.target, "download")):
            links[link].append(stretch)
    for (site, engine), stretches in links.items():
        for part, seconds in covered(stretches):
            if share := shares[part.round]:
                yield site, engine, part._replace(start=part.end - share * seconds, round=0)


def _more(waste: Waste, bytes: int = 0, flops: int = 0) -> Waste:
    return waste._replace(bytes=waste.bytes + bytes, flops=waste.flops + flops)


def _wasted(rows: Iterable[Row]) -> Iterator[Row]:
    return (row for row in rows if row.reason not in ("", UNFINISHED))  # type: ignore[attr-defined]
