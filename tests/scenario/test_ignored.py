"""What an algorithm does not look at is told by name, wherever a scenario says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.experiments.trial.validate import notices
from simulator.scenario.scenario import load
from tests.helpers.places import SCENARIOS

ENTRIES = "algorithms=[{name: fedavg}, {name: sfprompt}, {name: ditto}, {name: fedlora}]"


def told(*overrides: str) -> list[str]:
    return list(notices(load(SCENARIOS / "quickstart.yaml", (ENTRIES, *overrides))))


def test_nothing_is_told_where_all_is_at_its_default() -> None:
    assert told() == []


def test_epochs_for_all_are_passed_over_by_who_has_epochs_of_its_own() -> None:
    assert told("training.local_epochs=5") == [
        "sfprompt does not use training.local_epochs, which is 5: its own local_epochs is 1",
        "ditto does not use training.local_epochs, which is 5, in its personal model, which trains for personal_epochs",
    ]


@pytest.mark.parametrize("algorithm", ["fedlora", "sfprompt"])
def test_what_is_trained_is_passed_over_by_who_always_trains_the_same(algorithm: str) -> None:
    assert f"{algorithm} does not use training.train, which is linear" in told("training.train=linear")


@pytest.mark.usefixtures("pictures")
def test_it_is_in_the_report_of_a_run_too(tmp_path: Path) -> None:
    from simulator.experiments.run.run import run_scenario

    settings = ("training.local_epochs=2", "training.rounds=1", "evaluation.samples=10")
    scenario = load(SCENARIOS / "quickstart.yaml", ("algorithms=[{name: sfprompt}]", *settings))
    folder = run_scenario(scenario, dry=True, out=tmp_path / "run")
    page = (folder / "report.html").read_text("utf-8")
    assert "sfprompt does not use training.local_epochs, which is 2: its own local_epochs is 1." in page
