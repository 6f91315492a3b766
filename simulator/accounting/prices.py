"""What a trial costs, from its ledger: GPU hours, traffic and electricity, by payer, group of sites and phase.

All money is in US dollars. Bytes that were lost, sent again or sent in vain are paid: they crossed the link. A device
is charged for the energy that it is counted for (``usage``): none while it does not take part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from simulator.accounting.ledger import Ledger, SiteRow, WorkRow
    from simulator.accounting.usage import Use

PAYERS = {"server": "operator", "edge": "edge", "device": "devices"}
"""Who pays for a site, by its role: the operator of the cloud, that of edge servers, or the owners of devices."""
GPU, EGRESS, INGRESS, CELLULAR, ELECTRICITY = "GPU hours", "egress", "ingress", "cellular", "electricity"
"""What is paid for: the items of charges."""
IDLE = "idle"
"""The phase of time in which a site does nothing."""


@dataclass(frozen=True)
class Prices:
    """A list of prices. What is not in a mapping costs nothing.

    Attributes:
        gpu: USD for a second of one GPU, by the role of its site: ``server`` or ``edge``.
        held: whether GPUs are paid for all the time (rented), or only for the seconds in which they compute.
        egress, ingress: USD for a byte that the server sends, and for one that it receives.
        cellular: USD for a byte that a device sends or receives, by the device's group.
        electricity: USD for a joule, by the role of the site: ``server``, ``edge`` or ``device``.
    """

    gpu: Mapping[str, float] = field(default_factory=dict)
    held: bool = True
    egress: float = 0.0
    ingress: float = 0.0
    cellular: Mapping[str, float] = field(default_factory=dict)
    electricity: Mapping[str, float] = field(default_factory=dict)


class Charge(NamedTuple):
    """Something that is paid for.

    Attributes:
        payer: who pays: ``operator``, ``edge`` or ``devices`` (their owners).
        group: the group of devices, or the hardware of the server, as the ledger's table of sites names it.
        phase: the phase of the works or transfers; ``idle`` for time in which nothing was done.
        item: what is paid for, such as ``egress``.
        round: the round of the works or transfers; 0 outside of rounds, and for GPUs that are held while idle.
        usd: US dollars.
    """

    payer: str
    group: str
    phase: str
    item: str
    round: int
    usd: float


def charges(ledger: Ledger, uses: Sequence[Use], prices: Prices, start: float, end: float) -> list[Charge]:
    """Return what a trial costs, one charge for each payer, group, phase, item and round, without those of 0 USD.

    A GPU that is held costs the price times the whole time. The seconds in which it computes are charged to the phases
    of its works, and the rest to ``idle``. Works that run at once on several slots of one GPU divide its time.

    Args:
        ledger: the ledger of the trial.
        uses: its uses, as ``usage.uses`` returns them.
        prices: the prices.
        start, end: the clock at the beginning and at the end of the trial, in seconds.
    """
    sites = {row.name: row for row in ledger.sites}
    usd: dict[tuple[str, str, str, str, int], list[float]] = defaultdict(list)

    def charge(site: SiteRow, phase: str, item: str, round: int, amount: float) -> None:
        if amount:
            usd[PAYERS[site.role], site.group, phase, item, round].append(amount)

    paid = {name: prices.gpu.get(row.role, 0.0) for name, row in sites.items()}
    busy: dict[str, list[float]] = defaultdict(list)
    for work, seconds in gpu_seconds(ledger, {name for name, price in paid.items() if price}):
        busy[work.site].append(amount := paid[work.site] * seconds)
        charge(sites[work.site], work.phase, GPU, work.round, amount)
    for name, row in sites.items() if prices.held else ():
        charge(row, IDLE, GPU, 0, max(0.0, row.gpus * paid[name] * (end - start) - fsum(busy[name])))

    from simulator.accounting.columns.energies import energies  # NumPy is of no use before a trial is over
    from simulator.accounting.columns.sending import Priced, sent_usd

    def traffic(site: SiteRow, item: str, price: float) -> Priced:
        if site.role == "device":
            return Priced(CELLULAR, prices.cellular.get(site.group, 0.0))
        return Priced(item, price) if site.role == "server" else Priced()

    sent = sent_usd(
        ledger,
        lambda site: traffic(site, EGRESS, prices.egress),
        lambda site: traffic(site, INGRESS, prices.ingress),
    )
    electricity = energies(ledger, uses, lambda site: prices.electricity.get(site.role, 0.0))
    return [
        *(Charge(*key, fsum(amounts)) for key, amounts in usd.items()),
        *(
            Charge(PAYERS[role], group, phase, item, round, paid)
            for (role, group, phase, item, round), paid in sent.items()
        ),
        *(
            Charge(PAYERS[role], group, phase, ELECTRICITY, round, paid)
            for (role, group, phase, round), paid in electricity.items()
        ),
    ]


def held_usd(ledger: Ledger, prices: Prices, seconds: float) -> float:
    """Return what the GPUs of all sites cost in so many seconds if they are held, in USD; 0 if they are not."""
    if not prices.held:
        return 0.0
    return fsum(row.gpus * prices.gpu.get(row.role, 0.0) * seconds for row in ledger.sites)


def gpu_seconds(ledger: Ledger, sites: set[str]) -> Iterator[tuple[WorkRow, float]]:
    """Yield the works of some sites, each with the seconds of a GPU that it took.

    On a GPU with one slot these are its seconds times its share. Where several slots are busy at once, the works in
    them divide the time in proportion to their shares, so that no second of a GPU counts twice.

    Args:
        ledger: the ledger of the trial.
        sites: the names of the sites.
    """
    slots = {row.name: row.slots for row in ledger.sites}
    several: dict[tuple[str, int], list[WorkRow]] = defaultdict(list)
    for work in ledger.works.among("site", sites):
        if slots[work.site] == 1:
            yield work, work.seconds * work.share
        else:
            several[work.site, work.gpu].append(work)
    for works in several.values():
        yield from _divided(works)


def _divided(works: list[WorkRow]) -> Iterator[tuple[WorkRow, float]]:
    """Yield the works of one GPU with the seconds that each had of it, at every moment in proportion to the shares.

    The time of a work runs at its share over the sum of all shares at that moment; ``passed`` is the integral of one
    over that sum since the GPU was last idle. It stands still while only works without a share are there, such as those
    that were set aside in the moment in which they began.
    """
    works = [work for work in works if work.start + work.seconds > work.start]
    moments = [(work.start, 1, index) for index, work in enumerate(works)]
    moments += [(work.start + work.seconds, 0, index) for index, work in enumerate(works)]
    begun: dict[int, float] = {}
    passed = clock = 0.0
    for moment, begins, index in sorted(moments):  # ends before beginnings
        if shares := fsum(works[at].share for at in begun):
            passed += (moment - clock) / shares
        clock = moment
        if begins:
            begun[index] = passed
        else:
            yield works[index], works[index].share * (passed - begun.pop(index))
            passed = passed if begun else 0.0
