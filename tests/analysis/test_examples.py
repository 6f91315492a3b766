"""The examples that read folders run."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from tests.analysis.sweep_builder import HEAD, fabricate_sweep

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_plot_a_sweep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fabricate_sweep(tmp_path, {HEAD: ["0", "1"]}, dry=True)
    runpy.run_path(str(EXAMPLES / "plot_a_sweep.py"))["main"](tmp_path)
    said = capsys.readouterr().out
    drawn = sorted(str(path) for path in (tmp_path / "figures").iterdir())
    assert len(drawn) == 4
    assert all(path in said for path in drawn)
