"""The examples give what they say."""

from __future__ import annotations

import runpy
from pathlib import Path

import pandas as pd
import pytest

from simulator.experiments.run.run import run_scenario
from simulator.scenario.scenario import load
from tests.helpers.places import ROOT, SCENARIOS

SMALL = (
    "seeds=[0]",
    "training.rounds=4",
    "training.clients_per_round=2",
    "algorithms=[{name: fedavg, label: fast}, {name: fedavg, label: slow, training: {rounds: 3}}]",
)


@pytest.fixture
def reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, pd.DataFrame]:
    """A run of which one algorithm reaches the target in the second of four rounds and the other never."""
    monkeypatch.setattr("analysis.write_figures", lambda folder: [])
    monkeypatch.setattr("analysis.write_report", lambda folder, figures: None)
    folder = run_scenario(load(SCENARIOS / "prices.yaml", SMALL), dry=True, out=tmp_path / "run")
    rounds = pd.read_csv(folder / "rounds.csv")
    rounds["accuracy"] = 0.9 * ((rounds["label"] == "fast") & (rounds["round"] >= 2))
    rounds.to_csv(folder / "rounds.csv", index=False)
    return folder, rounds


def test_costs_to_a_target_are_the_running_costs_when_it_was_reached(reached: tuple[Path, pd.DataFrame]) -> None:
    folder, rounds = reached
    example = runpy.run_path(str(ROOT / "examples" / "cheapest_to_a_target.py"))
    costs = example["costs_to_target"](folder, SCENARIOS / "sweeps" / "prices.yaml")
    spent = costs.groupby(["list", "label"])[["usd", "carbon_kg"]].sum()
    assert list(spent.index) == [(0, "fast"), (1, "fast"), (2, "fast")]
    (then,) = rounds[(rounds["label"] == "fast") & (rounds["round"] == 2)].to_dict("records")
    assert spent.loc[(0, "fast"), "usd"] == pytest.approx(then["cost_usd"])  # list 0 is that of the scenario
    assert spent["carbon_kg"].tolist() == [pytest.approx(then["carbon_kg"])] * 3
