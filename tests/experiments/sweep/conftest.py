"""What all tests of sweeps share: files to sweep over, the trials that were run, and no pictures unless asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from simulator.experiments.sweep import run as running
from tests.helpers.small_sweeps import SCENARIO, Write

if TYPE_CHECKING:
    from analysis import Sweep
    from simulator.experiments.sweep.points import Trial


@pytest.fixture(autouse=True)
def _no_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """They take longer than the sweep; a test that looks at them asks for ``pictures``."""

    def report(sweep: Sweep, figures: list[Path]) -> Path:
        (sweep.folder / "report.html").touch()
        return sweep.folder / "report.html"

    if "pictures" not in request.fixturenames:
        monkeypatch.setattr("analysis.write_sweep_figures", lambda sweep: [])
        monkeypatch.setattr("analysis.write_sweep_report", report)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes `tiny.yaml` and a sweep of it with these keys."""

    def write(**said: object) -> Path:
        (tmp_path / "tiny.yaml").write_text(SCENARIO)
        file = tmp_path / "sweep.yaml"
        file.write_text(yaml.safe_dump({"name": "small", "scenario": "tiny.yaml", **said}, sort_keys=False))
        return file

    return write


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Trial]:
    """Trials as they are run."""
    found: list[Trial] = []
    real = running.outcome_of

    def watched(trial: Trial, *checkpoints: Any) -> Any:
        found.append(trial)
        return real(trial, *checkpoints)

    monkeypatch.setattr(running, "outcome_of", watched)
    return found
