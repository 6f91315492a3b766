"""A target loss in a scenario: it takes the place of a target accuracy, and is not written where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from simulator.scenario.scenario import Scenario, ScenarioError, load
from tests.helpers.toy_scenario import SCENARIO, use_toy_algorithms


@pytest.fixture(autouse=True)
def _toy_algorithms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_toy_algorithms(tmp_path, monkeypatch)


def loaded(*overrides: str) -> Scenario:
    return load(yaml.safe_load(SCENARIO), overrides)


def test_it_is_written_only_where_it_is_set() -> None:
    assert "target_loss" not in loaded().resolved()
    there = loaded("target_accuracy=null", "target_loss=2.5")
    assert there.target_loss == 2.5
    assert "\ntarget_loss: 2.5\n" in there.resolved()
    assert load(yaml.safe_load(there.resolved())) == there


def test_a_run_has_one_target() -> None:
    with pytest.raises(ScenarioError) as refused:
        loaded("target_loss=2.5")
    (line,) = str(refused.value).splitlines()
    assert "target_loss is 2.5: there is a target_accuracy, too, and a run has one target" in line


@pytest.mark.parametrize("value", ["0", "-1", ".inf", "low"])
def test_what_is_no_loss_is_refused(value: str) -> None:
    with pytest.raises(ScenarioError, match="target_loss is"):
        loaded("target_accuracy=null", f"target_loss={value}")
