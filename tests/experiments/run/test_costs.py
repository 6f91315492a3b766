"""What a run writes and prints of money and carbon."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from simulator.experiments.run.run import run_scenario
from simulator.experiments.run.tables import summarise
from simulator.experiments.trial.trial import run
from tests.helpers.small_trials import scenario

pytestmark = pytest.mark.usefixtures("small_model")

PRICES = {"gpu": "3 USD/h", "cellular": "5 USD/GB", "electricity": "0.2 USD/kWh"}
CARBON = {"intensity": "400 g/kWh"}


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.write_report", lambda folder: None)


def left(folder: Path, **changes: Any) -> tuple[Path, str]:
    """The folder of a dry run of two algorithms, and what it printed."""
    small, said = scenario(folder, ["fl-linear", "v2"], **changes), io.StringIO()
    return run_scenario(small, dry=True, out=folder / "out", console=Console(file=said, width=120)), said.getvalue()


def trials(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "summary.json").read_text())["trials"]
    return found


@pytest.mark.usefixtures("no_pictures")
def test_a_run_without_prices_says_nothing_of_money(tmp_path: Path) -> None:
    folder, said = left(tmp_path)
    assert not (folder / "costs.csv").exists()
    assert "usd" not in (folder / "rounds.csv").read_text() + (folder / "scenario.yaml").read_text()
    assert "cost" not in said.partition("Which:")[0]
    assert "USD" not in said
    assert {(one["cost_usd"], one["carbon_kg"]) for one in trials(folder)} == {(None, None)}


@pytest.mark.usefixtures("no_pictures")
def test_the_table_of_costs_adds_up_to_the_summary(tmp_path: Path) -> None:
    folder, _ = left(tmp_path, prices=PRICES, carbon=CARBON)
    costs = pd.read_csv(folder / "costs.csv")
    assert ",".join(costs.columns) == "algorithm,label,seed,payer,group,phase,item,usd,carbon_kg"
    sums = costs.groupby("label")[["usd", "carbon_kg"]].sum()
    last = pd.read_csv(folder / "rounds.csv").groupby("label")[["cost_usd", "carbon_kg"]].last()
    for one in trials(folder):
        assert tuple(sums.loc[one["label"]]) == pytest.approx((one["cost_usd"], one["carbon_kg"]), rel=1e-12)
        assert tuple(last.loc[one["label"]]) == pytest.approx((one["cost_usd"], one["carbon_kg"]), rel=1e-12)
    assert set(costs["payer"]) == {"operator", "devices"}
    assert set(costs["item"]) == {"GPU hours", "cellular", "electricity"}


@pytest.mark.usefixtures("no_pictures")
def test_carbon_alone(tmp_path: Path) -> None:
    folder, said = left(tmp_path, carbon=CARBON)
    costs = pd.read_csv(folder / "costs.csv")
    assert costs["usd"].isna().all()
    assert set(costs["item"]) == {"electricity"}
    assert "carbon" in said
    assert "cost" not in said.partition("Which:")[0]
    assert "USD" not in said


@pytest.mark.usefixtures("no_pictures")
def test_the_printed_table_has_cost_and_carbon(tmp_path: Path) -> None:
    _, said = left(tmp_path, prices=PRICES, carbon=CARBON)
    heading = next(line for line in said.splitlines() if "energy" in line and "time" in line)
    assert heading.split()[-2:] == ["cost", "carbon"]
    assert said.count(" USD ") == 2


def test_a_dry_and_a_real_trial_cost_the_same(tmp_path: Path) -> None:
    small = scenario(tmp_path, ["sfp"], prices=PRICES, carbon=CARBON)
    dry, real = (summarise(run(small, small.algorithms[0], 0, dry=how), None) for how in (True, False))
    assert (dry["cost_usd"], dry["carbon_kg"]) == (real["cost_usd"], real["carbon_kg"])
