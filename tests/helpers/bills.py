"""Ledgers of a server, edge servers and devices, made by hand, and what they use: for tests of money and carbon."""

from __future__ import annotations

from simulator.accounting.ledger import (
    AbsenceRow,
    EngagementRow,
    Ledger,
    RoundRow,
    SiteRow,
    TransferRow,
    WorkRow,
)
from simulator.accounting.power import Power
from simulator.accounting.usage import Use, uses
from tests.helpers.ledgers import by_state

POWER = {"server": Power(100, 300, 130, 120), "edge": Power(20, 50, 22, 21), "phone": Power(1, 5, 4, 3)}
POWER |= {"tablet": Power(2, 8, 5, 4)}
ROLES = {"server": ("a100", "server"), "edge": ("nuc", "edge"), "phone": ("phones", "device")}
ROLES |= {"tablet": ("tablets", "device")}
DEVICES = ("phone", "tablet")


def ledger_of(*rows: tuple[object, ...], gpus: int = 1, slots: int = 1) -> Ledger:
    """Return a ledger with these rows, and a server, an edge server, a phone and a tablet.

    Args:
        rows: rows of the ledger.
        gpus: the GPUs of the server; an edge server has one.
        slots: the slots of each of them.
    """
    ledger = Ledger()
    for name, (group, role) in ROLES.items():
        own = slots if role == "server" else 1
        ledger.sites.add(SiteRow(name, group, role, own, 1e9, *by_state(POWER[name]).values(), gpus=gpus))
    tables = {
        WorkRow: ledger.works,
        TransferRow: ledger.transfers,
        EngagementRow: ledger.engagements,
        AbsenceRow: ledger.absences,
        RoundRow: ledger.rounds,
    }
    for row in rows:
        tables[type(row)].add(row)  # type: ignore[index]
    return ledger


def work(site: str, start: float, end: float, phase: str = "training", round: int = 1, **more: float) -> WorkRow:
    """Return a work that was served at a site from a moment to another, for the phone."""
    return WorkRow(site, "phone", "step", phase, round, start, start, end - start, 7, 0, **more)  # type: ignore[arg-type]


def sent(source: str, target: str, start: float, end: float, bytes: int = 10, **more: float) -> TransferRow:
    """Return a transfer in the phase "exchange" of round 1, without latency unless it is given."""
    row = {"lost": 0, "latency": 0.0} | more
    return TransferRow(source, target, "phone", "model", "exchange", 1, start, end - start, bytes, **row)  # type: ignore[arg-type]


def used(ledger: Ledger, end: float, start: float = 0.0) -> list[Use]:
    """Return what was used from the beginning of a trial to its end."""
    return uses(ledger, POWER, DEVICES, start, end)
