"""A run that is killed at any moment loses, doubles and half-writes nothing, and ends with the same digits."""

from __future__ import annotations

import io
import os
import shutil
import time
from pathlib import Path

import pytest
from rich.console import Console

from simulator.experiments.run import all_trials
from simulator.experiments.run.run import run_scenario
from simulator.scenario.scenario import Scenario
from tests.helpers.folder_contents import content
from tests.helpers.grids import grid
from tests.helpers.kills import check_whole, kill_command, kill_forked
from tests.helpers.small_trials import scenario

TINY = {"patch_size": 8, "embed_dim": 24, "depth": 3, "num_heads": 3}
pytestmark = [
    pytest.mark.usefixtures("small_model"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
]


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    monkeypatch.setattr("analysis.write_report", lambda folder: None)
    return scenario(tmp_path, ["fl-linear", "v1-linear"], seeds=[0, 1], training={"rounds": 3}, checkpoint={"every": 1})


def start(scenario: Scenario, out: Path) -> None:
    """Start the run, or go on with it; once it is complete, replace it."""
    resume = (out / ".run" / "run.json").exists()
    console = Console(file=io.StringIO())
    run_scenario(scenario, out=out, resume=resume, force=not resume, console=console)


@pytest.mark.parametrize(
    ("earlier", "kills"), grid((False, True), (2, 225), often=lambda earlier, kills: not earlier and kills == 2)
)
def test_whenever_it_is_killed(
    kills: int, earlier: bool, two: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(all_trials, "BETWEEN_TABLES", 0.0)
    run_scenario(two, out=tmp_path / "first")  # what is computed once is not part of the next one's time
    began = time.perf_counter()
    whole, out = run_scenario(two, out=tmp_path / "whole"), tmp_path / "out"
    seconds = time.perf_counter() - began

    def check() -> None:
        check_whole(out)
        if not earlier and out.exists() and (out / "summary.json").exists():  # each run is to fill an empty folder
            assert content(out) == content(whole)
            shutil.rmtree(out)

    if earlier:
        start(two, out)
    killed = kill_forked(lambda: start(two, out), kills, seconds, seed=1, check=check)
    assert killed > kills / 3, "or this test tests nothing"
    start(two, out)
    assert content(out) == content(whole)
    assert [path.name for path in out.rglob(".*")] == [".lock"]


@pytest.mark.slow
def test_what_was_killed_can_be_replaced(two: Scenario, tmp_path: Path) -> None:
    whole, out = run_scenario(two, out=tmp_path / "whole"), tmp_path / "out"
    kill_forked(lambda: start(two, out), 1, 0.5, seed=3, check=lambda: check_whole(out))
    run_scenario(two, out=out, force=True, console=Console(file=io.StringIO()))
    assert content(out) == content(whole)


LATER = [pytest.param(4 + 0.4 * step, marks=pytest.mark.slow) for step in range(20)]


@pytest.mark.parametrize("seconds", [9.0, *LATER])
def test_its_workers_end_with_it(seconds: float, two: Scenario, tmp_path: Path) -> None:
    tiny = two.with_({"model.name": "vit_tiny_patch16_224", "model.pretrained": False, "model.keywords": TINY})
    file, out = tmp_path / "small.yaml", tmp_path / "out"
    file.write_text(tiny.resolved())
    arguments = ["run", str(file), "--set", "training.rounds=200", "--jobs", "2", "--out", "out"]
    assert kill_command(arguments, seconds, tmp_path)
    check_whole(out)
