"""Scenarios that name what a Python file of the user defines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import simulator as sf
from simulator.settings.plugin_files import unload_file
from tests.helpers.small_sweeps import SCENARIO

PLUGIN = """
from typing import ClassVar
from simulator.algorithms.fedavg import FedAvg

class Mine(FedAvg):
    name: ClassVar[str] = "mine_of_a_file"
"""
MAPPING = yaml.safe_load(SCENARIO) | {"algorithms": [{"name": "fedavg"}, {"name": "mine_of_a_file"}]}


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "mine.py").write_text(PLUGIN)
    yield tmp_path / "mine.py"
    unload_file(tmp_path / "mine.py")


def test_a_scenario_needs_the_file(plugin: Path) -> None:
    with pytest.raises(sf.ScenarioError, match="mine_of_a_file"):
        sf.load(MAPPING)
    assert sf.load(MAPPING, plugins=[plugin]).algorithms[1].name == "mine_of_a_file"


@pytest.mark.parametrize(
    "labels",
    [
        lambda plugins: sf.run(MAPPING, dry=True, plugins=plugins).summary["label"],
        lambda plugins: sf.sweep(MAPPING, {"training.rounds": [1]}, dry=True, plugins=plugins).points["label"],
        lambda plugins: sf.plan(MAPPING, plugins=plugins).cuts["label"],
    ],
    ids=["run", "sweep", "plan"],
)
def test_what_reads_a_scenario_takes_the_file(plugin: Path, labels: Callable[[list[Path]], Any]) -> None:
    assert list(labels([plugin])) == ["fedavg", "mine_of_a_file"]
