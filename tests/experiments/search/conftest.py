"""What all tests of searches share: files to search, the trials that were run, and no pictures unless asked for."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Any

import pytest
import yaml

from simulator.experiments.search import evaluate
from simulator.experiments.sweep.points import Trial
from tests.helpers.small_searches import OBJECTIVES, SPACE
from tests.helpers.small_sweeps import SCENARIO, Write


@pytest.fixture(autouse=True)
def _no_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """They take longer than the search; a test that looks at them asks for ``pictures``. Progress is not told."""
    monkeypatch.setattr("simulator.experiments.search.run.EVERY", inf)
    if "pictures" not in request.fixturenames:
        monkeypatch.setattr("analysis.write_search_report", lambda folder: folder / "report.html")
        monkeypatch.setattr("simulator.experiments.sweep.run.tell_results", lambda *given: None)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes `tiny.yaml` and a search of it with these keys."""

    def write(name: str = "search.yaml", **said: object) -> Path:
        (tmp_path / "tiny.yaml").write_text(SCENARIO)
        usual = {"name": "small", "scenario": "tiny.yaml", "algorithm": "SFL", "space": SPACE, "objectives": OBJECTIVES}
        file = tmp_path / name
        file.write_text(yaml.safe_dump({**usual, **said}, sort_keys=False))
        return file

    return write


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Trial]:
    """Trials as they are run."""
    found: list[Trial] = []
    real = evaluate.outcome_of

    def watched(trial: Trial, checkpoints: Any) -> Any:
        found.append(trial)
        return real(trial, checkpoints)

    monkeypatch.setattr(evaluate, "outcome_of", watched)
    return found
