"""Sums of energy times a factor, in columns, equal to the digit those of uses one by one."""

from __future__ import annotations

from collections import defaultdict
from math import fsum
from random import Random

import pytest

from simulator.accounting.columns import uses as of_uses
from simulator.accounting.columns.energies import energies
from simulator.accounting.usage import uses
from tests.helpers.listed_uses import listed_uses
from tests.helpers.random_ledgers import END, random_ledger

FACTORS = {"server": 0.3, "edge": 0.0, "device": 0.7}


@pytest.mark.parametrize("rows", [3, 10**6], ids=["many blocks", "few blocks"])
def test_energy_by_role_group_phase_and_round(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_uses, "BLOCK", rows)
    for seed in range(0, 60, 3):
        ledger, power, devices = random_ledger(Random(seed), rows=seed)
        roles, amounts = {row.name: row.role for row in ledger.sites}, defaultdict(list)
        for use in listed_uses(ledger, power, devices, 0.0, END):
            if amount := FACTORS[roles[use.site]] * use.energy_j:
                amounts[roles[use.site], "g", use.phase, use.round].append(amount)
        found = energies(ledger, uses(ledger, power, devices, 0.0, END), lambda site: FACTORS[site.role])
        assert list(found.items()) == [(key, fsum(parts)) for key, parts in amounts.items()]
