"""The examples that read folders run."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from tests.helpers.places import ROOT
from tests.helpers.sweep_folders import HEAD, UPLINK, fabricate_sweep

EXAMPLES = ROOT / "examples"


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
