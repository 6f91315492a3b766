"""The energy of uses times what a joule costs or emits at their sites, in columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from simulator.accounting.columns.block import Block
from simulator.accounting.columns.exact import float_sums, rounded
from simulator.accounting.columns.reading import Floats, Names, codes
from simulator.accounting.columns.uses import blocks_of
from simulator.accounting.ledger import Ledger, SiteRow
from simulator.accounting.use import Use


class Drawn(NamedTuple):
    """What the energy of sites is summed by: their role and group, the phase and the round."""

    role: str
    group: str
    phase: str
    round: int


def energies(
    ledger: Ledger,
    uses: Sequence[Use],
    factor: Callable[[SiteRow], float],
    varying: Callable[[Block], Floats] | None = None,
) -> dict[Drawn, float]:
    """Return the sums of joules times a factor, without those of 0, in the order in which they first occur.

    Args:
        ledger: the ledger of the trial.
        uses: its uses.
        factor: returns what a joule of a site costs or emits.
        varying: returns a further factor for each use; None: there is none.
    """
    sites = {row.name: row for row in ledger.sites}
    sums: dict[Drawn, int] = {}
    known = None
    for block in blocks_of(uses):
        if known is not block.sites:
            known = block.sites
            kinds = Names()
            kind_of = codes([(sites[name].role, sites[name].group) for name in known.names], kinds)
            factors = np.array([factor(sites[name]) for name in known.names], np.float64)
        amounts = factors[block.site] * block.energy_j
        if varying is not None:
            amounts = amounts * varying(block)
        rows = np.flatnonzero(amounts)
        phases, owners = block.phases.names, kinds.names
        keys = block.round[rows].astype(np.int64) * len(phases) + block.phase[rows]
        keys = keys * len(owners) + kind_of[block.site[rows]]
        distinct, first, places = np.unique(keys, return_index=True, return_inverse=True)
        totals = float_sums(places, amounts[rows], len(distinct))
        for at in np.argsort(first).tolist():
            rest, kind = divmod(int(distinct[at]), len(owners))
            round, phase = divmod(rest, len(phases))
            role, group = owners[kind]
            key = Drawn(role, group, phases[phase], round)
            sums[key] = sums.get(key, 0) + totals[at]
    return {key: rounded(total) for key, total in sums.items()}
