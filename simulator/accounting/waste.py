"""Waste: what works and transfers cost whose results were of no use, such as those of updates that came too late."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from math import fsum
from typing import TYPE_CHECKING, NamedTuple

from simulator.accounting.ledger import Ledger, Row, Table, TransferRow, WorkRow
from simulator.accounting.payload import FROZEN_WEIGHTS
from simulator.accounting.usage import Stretch, covered

if TYPE_CHECKING:
    from simulator.accounting.power import Power

UNFINISHED = "unfinished"
"""The reason of what was under way when the trial ended: it is neither used nor wasted."""
RETRANSMITTED = "retransmitted"
"""The reason under which is counted what was lost on its way and sent again."""
_NO_WASTE = frozenset({"", UNFINISHED})


class Waste(NamedTuple):
    """What was spent in vain.

    Attributes:
        device_seconds: for each device, the seconds in which one of its engines or more (computing, sending,
            receiving) was busy in vain, summed over devices. Latency and waiting do not count.
        bytes: bytes that were sent in vain, and those that were lost on their way and sent again.
        flops: floating-point operations in vain, at devices and servers.
        energy_j: joules: what engines drew above idle in vain, at all sites, and what devices drew for being there in
            ``device_seconds``.
    """

    device_seconds: float = 0.0
    bytes: int = 0
    flops: int = 0
    energy_j: float = 0.0


class Marked(NamedTuple):
    """The works and transfers of a ledger, each with the reason why it was in vain, if it was."""

    works: Table[WorkRow]
    transfers: Table[TransferRow]


def marked(ledger: Ledger) -> Marked:
    """Return the works and transfers of a ledger, in which those of attempts without a use have the attempt's reason.

    A row that has a reason already keeps it. Works that get one are ``lost``; the ``lost`` of a transfer stays what was
    not received. Frozen weights that arrived are no part of an attempt here: the device keeps them for later ones.
    Whether anything else outlives an attempt, such as the training of a body that clients share, is not looked at.

    Args:
        ledger: the ledger of one trial. If no update was lost, its own tables are returned.
    """
    attempts = {(row.client, row.attempt): row.reason for row in ledger.attempts if row.reason}
    if not attempts:
        return Marked(ledger.works, ledger.transfers)

    def reasons(table: Table[WorkRow] | Table[TransferRow]) -> Iterator[str]:
        columns = (table.column(name) for name in ("client", "attempt", "reason"))
        for client, attempt, reason in zip(*columns, strict=True):
            yield reason or attempts.get((client, attempt), "")

    reason_of_works = list(reasons(ledger.works))
    lost = [before or bool(why) for before, why in zip(ledger.works.column("lost"), reason_of_works, strict=True)]
    kept = (kind == FROZEN_WEIGHTS for kind in ledger.transfers.column("kind"))
    rows = zip(reasons(ledger.transfers), kept, ledger.transfers.column("reason"), strict=True)
    reason_of_transfers = [before if stays else why for why, stays, before in rows]
    return Marked(
        ledger.works.replaced(lost=lost, reason=reason_of_works),
        ledger.transfers.replaced(reason=reason_of_transfers),
    )


def lost_updates(ledger: Ledger) -> Counter[str]:
    """Return how many attempts led to no used update, by reason; those unfinished at the end are among them."""
    return Counter(reason for reason in ledger.attempts.column("reason") if reason)


def waste_by_reason(ledger: Ledger, power: Mapping[str, Power], clients: Iterable[str]) -> dict[str, Waste]:
    """Return what was spent in vain, by reason, in alphabetical order; empty if nothing was.

    Time in which a device was busy for several reasons belongs to the one that began first, so that the sum over
    reasons is all waste. What was unfinished at the end is none. Of a transfer that arrived, the last part of its time
    is in vain, with the share of its bytes that were lost on their way and sent again.

    Args:
        ledger: the ledger of one trial.
        power: what each site draws, by its name.
        clients: the names of the sites that are devices.
    """
    works, transfers = marked(ledger)
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
    if again := sum(row.lost for row in transfers.where("lost", bool) if not row.reason):  # they arrived all the same
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


def waste(ledger: Ledger, power: Mapping[str, Power], clients: Iterable[str]) -> Waste:
    """Return all that was spent in vain: the sum of ``waste_by_reason``, whose parameters these are."""
    return total(waste_by_reason(ledger, power, clients).values())


def total(parts: Iterable[Waste]) -> Waste:
    """Return the sum of several wastes."""
    seconds, sent, flops, joules = zip(Waste(), *parts, strict=True)
    return Waste(fsum(seconds), sum(sent), sum(flops), fsum(joules))


def _sent_again(transfers: Table[TransferRow]) -> Iterator[tuple[str, str, Stretch]]:
    """Yield site, engine and the stretch in which it sent or received bytes again, of each transfer that was of use.

    On a link that several transfers share, each has the time that ``covered`` gives it, so that their sum is no more
    than the link was busy.
    """
    shares: list[float] = []
    links: dict[tuple[str, str], list[Stretch]] = defaultdict(list)  # a stretch's round is its place in shares here
    for sent in transfers.where("reason", lambda reason: not reason):
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


def _wasted(table: Table[Row]) -> Iterator[Row]:
    return table.where("reason", lambda reason: reason not in _NO_WASTE)
