"""What bytes cost that were sent, in columns: by payer, group, phase, item and round."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from simulator.accounting.columns.exact import float_sums, int_sums, rounded
from simulator.accounting.columns.reading import Names, Numbers, codes, ints
from simulator.accounting.ledger import Ledger, SiteRow


class Priced(NamedTuple):
    """What the bytes of a site cost.

    Attributes:
        item: what is paid for; empty if they cost nothing.
        usd: US dollars for a byte.
    """

    item: str = ""
    usd: float = 0.0


class Sent(NamedTuple):
    """What is paid for bytes is summed by: the site's role and group, the phase, the item and the round."""

    role: str
    group: str
    phase: str
    item: str
    round: int


def sent_usd(
    ledger: Ledger, sends: Callable[[SiteRow], Priced], receives: Callable[[SiteRow], Priced]
) -> dict[Sent, float]:
    """Return what was sent costs, without what costs nothing, in the order in which it first occurs.

    Bytes are added up by source, target, phase and round before they are multiplied by a price.

    Args:
        ledger: the ledger of the trial.
        sends, receives: return what a byte costs that a site sends, and one that it receives.
    """
    sites = list(ledger.sites)
    numbers, phases = Numbers([site.name for site in sites]), Names()
    ends, kinds, sizes = _amounts(ledger, numbers, phases)
    sums: dict[Sent, int] = {}
    firsts: dict[Sent, int] = {}
    for way, price_of in enumerate((sends, receives)):
        priced = [price_of(site) for site in sites]
        owners = Names()
        owner_of = np.array([owners[site.role, site.group, one.item] for site, one in zip(sites, priced, strict=True)])
        usd = np.array([one.usd for one in priced], np.float64)
        amounts = usd[ends[way]] * sizes.astype(np.float64)
        rows = np.flatnonzero(amounts)
        keys = np.stack([owner_of[ends[way][rows]], *(kind[rows] for kind in kinds)]) if len(rows) else np.zeros((3, 0))
        distinct, first, places = np.unique(keys, axis=1, return_index=True, return_inverse=True)
        totals = float_sums(places.reshape(-1), amounts[rows], distinct.shape[1])
        for at, (owner, phase, round) in enumerate(distinct.T.astype(np.int64).tolist()):
            role, group, item = owners.names[owner]
            key = Sent(role, group, phases.names[phase], item, round)
            sums[key] = sums.get(key, 0) + totals[at]
            place = 2 * int(rows[first[at]]) + way
            firsts[key] = min(firsts.get(key, place), place)
    return {key: rounded(sums[key]) for key in sorted(sums, key=firsts.__getitem__)}


def _amounts(ledger: Ledger, numbers: Numbers, phases: Names) -> tuple[tuple[Any, Any], tuple[Any, Any], Any]:
    """Return the distinct sources and targets, their phases and rounds, and the bytes, as they first occur."""
    parts = [(np.zeros((4, 0), np.int64), np.zeros(0, np.int64))]
    for source, target, phase, round, size in ledger.transfers.chunks("source", "target", "phase", "round", "bytes"):
        columns = [codes(source, numbers), codes(target, numbers), codes(phase, phases), ints(round)]
        parts.append(_merged(np.stack(columns).astype(np.int64), ints(size)))
    keys, sizes = (np.concatenate(column, axis=-1) for column in zip(*parts, strict=True))
    (source, target, phase, round), sizes = _merged(keys, sizes)
    return (source, target), (phase, round), sizes


def _merged(keys: Any, sizes: Any) -> tuple[Any, Any]:
    """Return the distinct columns of keys, as they first occur, and the sums of their sizes."""
    if not len(sizes):
        return keys, sizes
    order = np.lexsort(keys[::-1])
    ordered = keys[:, order]
    new = np.concatenate(([True], (ordered[:, 1:] != ordered[:, :-1]).any(axis=0)))
    first = np.minimum.reduceat(order, np.flatnonzero(new))
    groups = np.empty(len(order), np.int64)
    groups[order] = np.cumsum(new) - 1
    sums = int_sums(groups, sizes, len(first))
    by_first = np.argsort(first)
    return keys[:, first[by_first]], ints(sums)[by_first]
