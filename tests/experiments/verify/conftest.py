"""A dry run that is verified: written once for all tests of this folder, and a copy for each that spoils it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from simulator.experiments.run.manifest import write_manifest
from simulator.experiments.run.run import run_scenario
from simulator.scenario.scenario import load
from tests.helpers.spoiling import SCENARIO


@pytest.fixture(scope="package")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dry run with a report and a manifest."""
    place = tmp_path_factory.mktemp("verify")
    (place / "tiny.yaml").write_text(SCENARIO)
    run_scenario(load(place / "tiny.yaml"), dry=True, out=place / "run")
    write_manifest(place / "run")
    return place / "run"


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "run"))
