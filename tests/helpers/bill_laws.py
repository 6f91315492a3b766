"""What a trial in any world costs and emits: prices and grids to draw, and the laws that they obey."""

from __future__ import annotations

from itertools import pairwise
from math import fsum
from typing import Any

import pytest
from hypothesis import strategies as st

from simulator.accounting.prices import CELLULAR, EGRESS, ELECTRICITY, GPU, INGRESS
from simulator.experiments.run.costs import running_costs
from simulator.experiments.trial.result import TrialResult

USD_PER_GPU_S = {"server": 3.0, "edge": 0.5}
USD_PER_J = {"server": 0.25, "edge": 0.5, "device": 2.0}
KG_PER_J = {"server": 4.0, "edge": 1.0, "device": 0.5}
PRICES: dict[str, Any] = {
    "gpu": "3 USD/s",
    "edge_gpu": "0.5 USD/s",
    "egress": "3 USD/B",
    "ingress": "2 USD/B",
    "cellular": {"jetson-nano": "7 USD/B"},
    "electricity": {"server": "0.25 USD/J", "edges": "0.5 USD/J", "devices": "2 USD/J"},
}
INTENSITY = {"server": "4 kg/J", "edges": "1 kg/J", "devices": "0.5 kg/J"}
LOW, HIGH = 0.5, 1.5
SIGNALS: list[dict[str, Any]] = [
    {},
    {"signal": {"name": "periodic", "period": "130 ms", "high": HIGH, "low": LOW}},
]


@st.composite
def bills(draw: st.DrawFn) -> dict[str, Any]:
    """Prices and carbon of a scenario; None where there are none."""
    billing, signal = draw(st.sampled_from([None, "held", "used"])), draw(st.sampled_from([None, *SIGNALS]))
    return {
        "prices": None if billing is None else PRICES | {"billing": billing},
        "carbon": None if signal is None else {"intensity": INTENSITY} | signal,
    }


def check_bill(result: TrialResult, prices: dict[str, Any] | None, carbon: dict[str, Any] | None) -> None:
    """Check the costs and the emissions of a trial by its ledger and its uses.

    Args:
        result: the trial.
        prices, carbon: as ``bills`` gives them.
    """
    if prices is not None:
        _check_costs(result, prices["billing"])
    if carbon is not None:
        _check_emissions(result, "signal" in carbon)
    last = result.cost_usd, result.carbon_kg
    for running, total in zip(zip(*running_costs(result), strict=True), last, strict=True):
        if total is None:
            assert set(running) == {None}
            continue
        assert all(after >= before - 1e-9 * total for before, after in pairwise(running))
        assert running[-1] == pytest.approx(total, rel=1e-9)


def _check_costs(result: TrialResult, billing: str) -> None:
    roles = {row.name: row.role for row in result.ledger.sites}
    groups = {row.name: row.group for row in result.ledger.sites}
    transfers = list(result.ledger.transfers)
    phoned = [row.bytes for row in transfers for end in (row.source, row.target) if groups[end] == "jetson-nano"]
    expected = {
        EGRESS: 3 * sum(row.bytes for row in transfers if row.source == "server"),
        INGRESS: 2 * sum(row.bytes for row in transfers if row.target == "server"),
        CELLULAR: 7 * sum(phoned),
        ELECTRICITY: fsum(USD_PER_J[roles[use.site]] * use.energy_j for use in result.uses),
    }
    paid = {item: fsum(row.usd for row in result.charges if row.item == item) for item in (*expected, GPU)}
    for item, usd in expected.items():
        assert paid[item] == pytest.approx(usd, rel=1e-9), item
    end = result.bill.end
    gpus = [row for row in result.ledger.sites if row.role != "device"]
    held = fsum(USD_PER_GPU_S[row.role] * row.gpus * end for row in gpus)
    assert paid[GPU] <= held * (1 + 1e-9)
    if billing == "held":
        assert paid[GPU] == pytest.approx(held, rel=1e-9)
    elif all(row.slots == 1 for row in gpus):
        works = [row for row in result.ledger.works if roles[row.site] != "device"]
        served = fsum(USD_PER_GPU_S[roles[row.site]] * row.seconds * row.share for row in works)
        assert paid[GPU] == pytest.approx(served, rel=1e-9, abs=1e-12)
    assert min((row.usd for row in result.charges), default=0) >= 0
    assert fsum(paid.values()) == pytest.approx(result.cost_usd, rel=1e-9)


def _check_emissions(result: TrialResult, varies: bool) -> None:
    roles = {row.name: row.role for row in result.ledger.sites}
    constant = fsum(KG_PER_J[roles[use.site]] * use.energy_j for use in result.uses)
    assert result.carbon_kg is not None
    if not varies:
        assert result.carbon_kg == pytest.approx(constant, rel=1e-9)
    assert LOW * constant * (1 - 1e-9) <= result.carbon_kg <= HIGH * constant * (1 + 1e-9)
