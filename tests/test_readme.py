"""What the README shows works."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from simulator.experiments.trial.trial import run
from simulator.experiments.trial.validate import check
from simulator.scenario.scenario import load
from simulator.settings.plugins import ALGORITHMS
from tests.helpers.places import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """The only block of this language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return str(found)


def test_its_scenario_is_valid(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(block("yaml"))
    check(load(tmp_path / "mine.yaml"))


def test_its_algorithm_learns_and_is_accounted_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("shown_in_the_readme")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(block("python"), vars(module))
    monkeypatch.setattr(ALGORITHMS, "_modules", {**ALGORITHMS._modules, "fedsgd": module.__name__})
    scenario = yaml.safe_load(block("yaml")) | {
        "seeds": [0],
        "model": {"name": "random", "image_size": 8},
        "algorithms": [{"name": "fedsgd", "batches": 2}],
        "training": {
            "rounds": 2,
            "clients_per_round": 2,
            "batch_size": 32,
            "optimizer": {"name": "sgd", "learning_rate": 0.01},
        },
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(scenario))
    mine = load(tmp_path / "mine.yaml")
    real, dry = (run(mine, mine.algorithms[0], 0, dry) for dry in (False, True))
    assert real.ledger == dry.ledger
    first, last = (point.score for point in (real.rounds[0], real.rounds[-1]))
    assert first
    assert last
    assert last.loss < first.loss
