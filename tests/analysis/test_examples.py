"""The examples that read folders run."""

from __future__ import annotations

import runpy
from pathlib import Path

import pandas as pd
import pytest

from simulator.experiments.run.run import run_scenario
from simulator.scenario.scenario import load
from tests.helpers.places import ROOT, SCENARIOS
from tests.helpers.sweep_folders import HEAD, UPLINK, fabricate_sweep

EXAMPLES = ROOT / "examples"
SMALL = (
    "seeds=[0]",
    "training.rounds=4",
    "training.clients_per_round=2",
    "algorithms=[{name: fedavg, label: fast}, {name: fedavg, label: slow, training: {rounds: 3}}]",
)


def test_plot_a_sweep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fabricate_sweep(tmp_path, {HEAD: ["0", "1"]}, dry=True)
    runpy.run_path(str(EXAMPLES / "plot_a_sweep.py"))["main"](tmp_path)
    said = capsys.readouterr().out
    drawn = sorted(str(path) for path in (tmp_path / "figures").iterdir())
    assert len(drawn) == 4
    assert all(path in said for path in drawn)


def test_plot_what_a_pipeline_saves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    axes = {UPLINK: ["1 Mbit/s", "10 Mbit/s"], "world.devices.*.rate.fp32": ["1 GFLOP/s", "2 GFLOP/s"]}
    fabricate_sweep(tmp_path, axes, labels=("pipeline", "in sequence"), dry=True)
    (tmp_path / "figures").mkdir()
    runpy.run_path(str(EXAMPLES / "plot_what_a_pipeline_saves.py"))["main"](tmp_path)
    assert Path(capsys.readouterr().out.strip()).stat().st_size > 10_000


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
    example = runpy.run_path(str(EXAMPLES / "cheapest_to_a_target.py"))
    costs = example["costs_to_target"](folder, SCENARIOS / "sweeps" / "prices.yaml")
    spent = costs.groupby(["list", "label"])[["usd", "carbon_kg"]].sum()
    assert list(spent.index) == [(0, "fast"), (1, "fast"), (2, "fast")]
    (then,) = rounds[(rounds["label"] == "fast") & (rounds["round"] == 2)].to_dict("records")
    assert spent.loc[(0, "fast"), "usd"] == pytest.approx(then["cost_usd"])  # list 0 is that of the scenario
    assert spent["carbon_kg"].tolist() == [pytest.approx(then["carbon_kg"])] * 3
