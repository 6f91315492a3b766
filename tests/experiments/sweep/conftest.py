"""A tiny scenario, and sweeps over it that take a moment: dry, eight pixels, ten devices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from simulator.experiments.sweep import run as running
from tests.learning.conftest import _nothing_remembered  # noqa: F401  (a fixture)

SCENARIO = """\
name: tiny
world:
  devices:
    - {name: raspberry-pi-4, count: 6, uplink: {rate: 20 Mbit/s}}
    - {name: jetson-nano, count: 4, uplink: {rate: 20 Mbit/s}}
  server: {name: rtx-4090}
model: {name: random, image_size: 8}
data: {name: synthetic, samples: 40, test_samples: 20}
training: {rounds: 1, clients_per_round: 2, batch_size: 32, optimizer: {name: sgd, learning_rate: 0.05}}
algorithms:
  - {name: fedavg, label: FL, training: {train: linear}}
  - {name: splitfed, label: SFL, head: 1, tail: 1}
"""

if TYPE_CHECKING:
    from analysis import Sweep
    from simulator.experiments.sweep.points import Trial

Write = Callable[..., Path]


LEFT = [".lock", "environment.json", "points.csv", "report.html", "sweep.yaml", "trials"]
"""In the folder of a sweep, beside its figures."""


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
def pictures() -> None:
    """Figures and report are drawn as they are for a user."""


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

    def watched(trial: Trial) -> Any:
        found.append(trial)
        return real(trial)

    monkeypatch.setattr(running, "outcome_of", watched)
    return found
