"""A run that is killed at any moment loses, doubles and half-writes nothing, and ends with the same digits."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from simulator.experiments.run.run import run_scenario
from simulator.scenario.scenario import Scenario
from tests.helpers.folder_contents import content
from tests.helpers.kills import check_whole, kill_command, kill_forked
from tests.helpers.small_trials import scenario

pytestmark = [
    pytest.mark.usefixtures("small_model"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
]


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    monkeypatch.setattr("analysis.write_figures", lambda folder: [])
    monkeypatch.setattr("analysis.write_report", lambda folder, figures: None)
    return scenario(tmp_path, ["fl-linear", "v1-linear"], seeds=[0, 1], training={"rounds": 3}, checkpoint={"every": 1})


def start(scenario: Scenario, out: Path) -> None:
    """Start the run, or go on with it; once it is complete, replace it."""
    resume = (out / ".run" / "run.json").exists()
    console = Console(file=io.StringIO())
    run_scenario(scenario, out=out, resume=resume, force=not resume, console=console)


@pytest.mark.parametrize("kills", [3, pytest.param(450, marks=pytest.mark.slow)])
def test_whenever_it_is_killed(kills: int, two: Scenario, tmp_path: Path) -> None:
    whole, out = run_scenario(two, out=tmp_path / "whole"), tmp_path / "out"
    start(two, out)  # an earlier run, which the first one replaces
    killed = kill_forked(lambda: start(two, out), kills, 1.5, seed=0, check=lambda: check_whole(out))
    assert killed > kills / 3, "or this test tests nothing"
    start(two, out)
    assert content(out) == content(whole)
    assert [path.name for path in out.iterdir() if path.name[0] == "."] == [".lock"]


@pytest.mark.parametrize(
    "seconds", [9.0, *(pytest.param(4 + 0.4 * step, marks=pytest.mark.slow) for step in range(20))]
)
def test_its_workers_end_with_it(seconds: float, two: Scenario, tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(two.resolved())
    arguments = ["run", str(file), "--set", "training.rounds=200", "--jobs", "2", "--out", "out"]
    assert kill_command(arguments, seconds, tmp_path)
    check_whole(tmp_path / "out")
