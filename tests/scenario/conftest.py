"""The toy scenario as a file, for tests of what a scenario says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.toy_scenario import SCENARIO, use_toy_algorithms


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of the toy scenario, in the working directory, where its algorithms can be found."""
    use_toy_algorithms(tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    Path("toy.yaml").write_text(SCENARIO)
    return Path("toy.yaml")
