"""Ledgers of random rows on a few sites: many of them meet, overlap or begin together."""

from __future__ import annotations

from random import Random

from simulator.accounting.ledger import (
    SET_ASIDE,
    AbsenceRow,
    AttemptRow,
    EngagementRow,
    Ledger,
    RoundRow,
    SiteRow,
    TransferRow,
    WaitRow,
    WorkRow,
)
from simulator.accounting.power import Power

END = 30.0
REASONS = ("", "", "", "late", "unfinished", "battery")


def random_ledger(random: Random, rows: int) -> tuple[Ledger, dict[str, Power], list[str]]:
    """Return a ledger, what its sites draw, and the names of its devices.

    Args:
        random: decides everything.
        rows: how many rows it has, besides sites and rounds.
    """
    devices, servers = [f"d-{number}" for number in range(random.randint(1, 4))], ["server", "edge"]
    ledger, names = Ledger(), random.sample([*devices, *servers], len(devices) + 2)
    power = {name: Power(*(random.choice([1, 2.5, 5 * random.random()]) for _ in range(4))) for name in names}
    for name in names:
        role = "device" if name in devices else name
        watts = power[name]
        ledger.sites.add(SiteRow(name, "g", role, 1, 1e9, watts.idle, watts.compute, watts.upload, watts.download))
    for _ in range(rows):
        _add(ledger, random, random.choice(devices), random.choice(servers))
    start = 0.0
    for number in range(1, 4):
        seconds = float(random.randint(0, 6))
        ledger.rounds.add(RoundRow(number, start, seconds))
        start += seconds
    return ledger, power, devices


def _add(ledger: Ledger, random: Random, device: str, server: str) -> None:
    """Add a row that is of this device, or of nobody."""

    def moment() -> float:
        return float(random.choice([random.randint(0, 9), random.randint(0, 9), 9 * random.random()]))

    kind, number, why = random.randrange(6), random.randint(1, 3), random.choice(REASONS)
    client, attempt, start = random.choice([device, device, None]), random.randint(0, 2), moment()
    whom = ("train", random.choice("ba"), number)
    if kind == 0:
        times = start, start + random.choice([0.0, 0.0, 1.0]), moment() / 3
        cost = random.choice([7, 10**15]), 0, attempt, bool(why), why, 0, random.choice([1.0, 0.3]), 0
        ledger.works.add(WorkRow(random.choice([device, server]), client, *whom, *times, *cost, random.randint(0, 2)))
    elif kind <= 2:
        ends = random.choice([(device, server), (server, device)])
        size, latency = random.randint(0, 99), random.choice([0.0, 0.5])
        lost = random.choice([0, 0, random.randint(0, size)])
        what = random.choice(["model", "frozen weights"]), *whom[1:]
        ledger.transfers.add(TransferRow(*ends, client, *what, start, moment() / 2, size, lost, latency, attempt, why))
    elif kind == 3:
        ledger.engagements.add(EngagementRow(device, number, start, moment()))
    elif kind == 4:
        staleness = random.randint(0, 3)
        ledger.attempts.add(AttemptRow(device, attempt, 0, start, moment(), 0 if why else number, staleness, why))
    elif random.random() < 0.5:
        ledger.absences.add(AbsenceRow(random.choice([device, server]), start, moment()))
    else:
        wait = start, float(random.randint(0, 2)), attempt, random.choice([SET_ASIDE, "late"]), random.randint(0, 2)
        ledger.waits.add(WaitRow(server, client, *whom, *wait))
