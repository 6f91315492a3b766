"""Waste: what works and transfers cost whose results were of no use, such as those of updates that came too late."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from math import fsum
from typing import TYPE_CHECKING, NamedTuple

from simulator.accounting.ledger import Ledger, Row, Table, TransferRow, WorkRow

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
    attempts = {(row.client, row.attempt): row.reason for row in ledger.attempts.where("reason", bool)}
    if not attempts:
        return Marked(ledger.works, ledger.transfers)
    from simulator.accounting.columns.marking import Marking

    marking = Marking(attempts)
    return Marked(ledger.works.changed(marking.works), ledger.transfers.changed(marking.transfers))


def lost_updates(ledger: Ledger) -> Counter[str]:
    """Return how many attempts led to no used update, by reason; those unfinished at the end are among them."""
    return Counter(reason for reason in ledger.attempts.column("reason") if reason)


def mean_staleness(ledger: Ledger) -> float | None:
    """Return how many aggregations the updates that were used were late on average; None if none was used."""
    used = total = 0
    for reasons, staleness in ledger.attempts.chunks("reason", "staleness"):
        pairs = zip(*(c if isinstance(c, list) else c.to_pylist() for c in (reasons, staleness)), strict=True)
        late = [number for reason, number in pairs if not reason]
        used, total = used + len(late), total + sum(late)
    return total / used if used else None


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
    if not (_some(works, "reason", _wasted) or _some(transfers, "reason", _wasted) or _some(transfers, "lost", bool)):
        return {}
    from simulator.accounting.columns.wasting import Wasting

    found = Wasting(power, list(clients), _NO_WASTE, RETRANSMITTED).found(works, transfers)
    return {reason: Waste(*sums) for reason, sums in sorted(found.items())}


def waste(ledger: Ledger, power: Mapping[str, Power], clients: Iterable[str]) -> Waste:
    """Return all that was spent in vain: the sum of ``waste_by_reason``, whose parameters these are."""
    return total(waste_by_reason(ledger, power, clients).values())


def total(parts: Iterable[Waste]) -> Waste:
    """Return the sum of several wastes."""
    seconds, sent, flops, joules = zip(Waste(), *parts, strict=True)
    return Waste(fsum(seconds), sum(sent), sum(flops), fsum(joules))


def _some(table: Table[Row], name: str, holds: Callable[[object], bool]) -> bool:
    """Return whether a value of a column passes a test."""
    chunks = (values if isinstance(values, list) else values.unique().to_pylist() for (values,) in table.chunks(name))
    return any(any(map(holds, values)) for values in chunks)


def _wasted(reason: object) -> bool:
    return reason not in _NO_WASTE
