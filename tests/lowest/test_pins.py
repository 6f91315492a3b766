"""The lowest pins are those of `pyproject.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.helpers.places import ROOT
from tests.lowest.pins import pins


def test_each_requirement_has_a_pin() -> None:
    found = list(pins(ROOT / "pyproject.toml"))
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    assert found[: len(wanted)] == [requirement.replace(">=", "==") for requirement in wanted]


def test_extras_of_users_have_pins_and_those_of_developers_only_what_tests_need(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text(
        '[project]\ndependencies = ["numpy>=1"]\n[project.optional-dependencies]\n'
        'ray = ["ray>=2.40"]\ndev = ["pytest>=8.3", "ruff>=0.8"]\ndocs = ["mkdocs>=1.6,<2"]\n'
    )
    assert list(pins(project)) == ["numpy==1", "ray==2.40", "pytest==8.3"]


def test_a_requirement_without_a_lower_bound_is_refused(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text('[project]\ndependencies = ["numpy<3"]\noptional-dependencies.dev = []\n')
    with pytest.raises(ValueError, match="numpy<3: names no lower bound"):
        list(pins(project))
