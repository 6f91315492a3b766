"""What a round takes while some of its devices take part for the first time, and what later rounds take."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.experiments.trial.result import TrialResult


def round_costs(outcome: TrialResult) -> dict[str, float | None]:
    """Return the keys of a summary that keep first rounds apart from later ones.

    In a first round a device takes part that has not done so before, and is sent what every device is sent once; the
    first round of all is one. In a later round all devices have taken part before: long runs consist of these. Which
    rounds are which does not depend on the algorithm, where the same devices are selected for all.

    Args:
        outcome: the trial's result.

    Returns:
        ``first_rounds``, their number; ``first_round_s`` and ``later_round_s``, mean seconds; ``first_round_bytes`` and
        ``later_round_bytes``, mean bytes in both directions. A mean is None where there is no such round.
    """
    import numpy as np  # of no use before a trial is over

    from simulator.accounting.columns.reading import Names, codes, ints, joined

    names, engagements = Names(), outcome.ledger.engagements
    chunks = [(np.zeros(0, np.int64), np.zeros(0, np.int32))]
    chunks += [(ints(round), codes(client, names)) for round, client in engagements.chunks("round", "client")]
    rounds, clients = joined(chunks)
    order = np.argsort(rounds, kind="stable")
    rounds, clients = rounds[order], clients[order]
    sent = outcome.totals.by(lambda kind: kind.round if kind.side == "client" else None)
    seen = np.zeros(len(names), np.bool_)
    first: list[tuple[float, int]] = []
    later: list[tuple[float, int]] = []
    for turn in outcome.ledger.rounds:
        own = clients[slice(*np.searchsorted(rounds, [turn.round, turn.round + 1]))]
        known = turn.round > 1 and bool(seen[own].all())
        (later if known else first).append((turn.seconds, sent[turn.round].bytes))
        seen[own] = True
    return {
        "first_rounds": len(first),
        "first_round_s": fmean(seconds for seconds, _ in first) if first else None,
        "later_round_s": fmean(seconds for seconds, _ in later) if later else None,
        "first_round_bytes": fmean(nbytes for _, nbytes in first) if first else None,
        "later_round_bytes": fmean(nbytes for _, nbytes in later) if later else None,
    }
