"""What a run tells of money and carbon: totals, running totals, and a table by payer, phase and item."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import fsum
from typing import TYPE_CHECKING, Any

from simulator.accounting.prices import ELECTRICITY, GPU, held_usd

if TYPE_CHECKING:
    from analysis.goal import Target
    from simulator.accounting.carbon import Emission
    from simulator.accounting.prices import Charge
    from simulator.experiments.trial.result import TrialResult

COSTS = ("cost_usd", "carbon_kg")
COLUMNS = ("algorithm", "label", "seed", "payer", "group", "phase", "item", "usd", "carbon_kg")


def has_costs(outcome: TrialResult) -> bool:
    """Return whether the scenario of a trial has prices or carbon intensities."""
    return outcome.bill.prices is not None or outcome.bill.grid is not None


def cost_rows(outcome: TrialResult) -> list[tuple[Any, ...]]:
    """Return what a trial cost and emitted by payer, group, phase and item, with the columns of ``costs.csv``.

    Emissions are those of electricity. What costs and emits nothing has no row; a value is None where the scenario has
    no prices, or no carbon intensities.
    """
    usd: dict[tuple[str, str, str, str], list[float]] = defaultdict(list)
    kg: dict[tuple[str, str, str, str], list[float]] = defaultdict(list)
    for charge in outcome.charges:
        usd[charge.payer, charge.group, charge.phase, charge.item].append(charge.usd)
    for row in outcome.emissions:
        kg[row.payer, row.group, row.phase, ELECTRICITY].append(row.kg)
    trial = outcome.entry.name, outcome.entry.label, outcome.seed
    priced, emits = outcome.bill.prices is not None, outcome.bill.grid is not None
    return [
        (*trial, *key, fsum(usd.get(key, ())) if priced else None, fsum(kg.get(key, ())) if emits else None)
        for key in sorted({*usd, *kg})
    ]


def running_costs(outcome: TrialResult) -> list[tuple[float | None, float | None]]:
    """Return the running totals of USD and of kg after each round, in the order of the trial's rounds.

    As in all running totals, the last also hold what was spent outside of rounds, and in later ones. GPUs that are held
    are paid until the moment of the round, whatever they did.
    """
    bill, numbers = outcome.bill, [point.round for point in outcome.rounds]
    paid: list[float | None] = [None] * len(numbers)
    if bill.prices is not None:
        held = bill.prices.held
        paid = list(_running((row for row in outcome.charges if not (held and row.item == GPU)), "usd", numbers))
        moments = [*(point.sim_time_s for point in outcome.rounds[:-1]), bill.end]
        paid = [
            spent + held_usd(outcome.ledger, bill.prices, moment - bill.start)
            for spent, moment in zip(paid, moments, strict=True)
            if spent is not None
        ]
    emitted: list[float | None] = [None] * len(numbers)
    if bill.grid is not None:
        emitted = list(_running(outcome.emissions, "kg", numbers))
    return list(zip(paid, emitted, strict=True))


def _running(rows: Iterable[Charge | Emission], column: str, numbers: Sequence[int]) -> list[float]:
    """Return the sum of a column up to each of these rounds; the last sum is of all rows."""
    known = set(numbers[:-1]) - {0}
    amounts: dict[int | None, list[float]] = defaultdict(list)
    for row in rows:
        amounts[row.round if row.round in known else None].append(getattr(row, column))
    sums, total = [], 0.0
    for number in (*numbers[:-1], None):
        total += fsum(amounts[number])
        sums.append(total)
    return sums


def to_target(outcome: TrialResult, target: Target | None) -> dict[str, float | None]:
    """Return the keys of a summary that say what the first evaluation that reaches a target had cost.

    Args:
        outcome: the trial's result.
        target: the target, or None.
    """
    reached: tuple[float | None, float | None] = (None, None)
    if target is not None and has_costs(outcome):
        pairs = zip(outcome.rounds, running_costs(outcome), strict=True)
        reached = next((spent for point, spent in pairs if point.score and target.reached_by(point.score)), reached)
    return {"cost_to_target_usd": reached[0], "carbon_to_target_kg": reached[1]}
