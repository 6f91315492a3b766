"""Resources used in a run, from its ledger: seconds, bytes, FLOPs and joules by site, phase, activity and round.

Energy = idle watts x the time that a site is counted for + the sum over states of (watts of the state - idle watts) x
the time in that state. States that overlap add up. A link that carries several flows at once counts as one engine,
which is busy once; of slots that compute, each counts, and works that share a slot count for their share of it. Latency
moves no bytes and draws nothing above idle; a transfer whose link carries nothing for a while draws as if it moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from simulator.accounting.ledger import Ledger
from simulator.accounting.use import RESOLUTION as RESOLUTION
from simulator.accounting.use import Use as Use

if TYPE_CHECKING:
    from simulator.accounting.columns.uses import Uses
    from simulator.accounting.power import Power


def uses(ledger: Ledger, power: Mapping[str, Power], clients: Iterable[str], start: float, end: float) -> Uses:
    """Return all that was used in a trial, from the rows of its ledger.

    Clients are counted while they are engaged, waiting included, and while they are active beyond that: the device of a
    client that was stopped finishes the work it had begun. Other sites are counted all the time. Absences count as
    neither idle nor waiting time.

    The value is a sequence of ``Use``. It holds none of them, but computes them when they are asked for: sums over a
    large trial are its ``totals``.

    Args:
        ledger: the ledger of one trial, which is over.
        power: what each site draws, by its name.
        clients: the names of the sites that are clients.
        start, end: the clock at the beginning and at the end of the trial, in seconds.
    """
    from simulator.accounting.columns.uses import Uses  # NumPy is of no use before a trial is over

    return Uses(ledger, power, clients, start, end)


def active_energy(found: Sequence[Use], power: Mapping[str, Power]) -> float:
    """Return the joules that clients draw while they compute, send or receive, without those of waiting."""
    from simulator.accounting.columns.uses import Uses

    if isinstance(found, Uses) and found.power == power:
        return found.totals.active_energy_j
    joules = 0.0
    for use in found:
        if use.side == "client":
            joules += use.energy_j
            if use.activity == "wait":
                joules -= power[use.site].idle * use.seconds
    return joules
