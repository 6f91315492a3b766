"""The file of a pre-training that is small enough to be run in a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.pretrainings import FILE


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(FILE)
    return path
