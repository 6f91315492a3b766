"""A smallest quickstart against what was recorded of it; ``python -m tests.test_quickstart`` records it anew."""

import json
from pathlib import Path
from typing import Any

import pytest

from simulator.experiments.run.tables import summary_of
from simulator.experiments.trial.trial import run
from simulator.scenario.scenario import load
from tests.helpers.caches import forget
from tests.helpers.places import SCENARIOS

QUICKSTART = SCENARIOS / "quickstart.yaml"
RECORDED = Path(__file__).parent / "recorded" / "quickstart.json"
SMALLEST = ("threads=1", "training.rounds=1", "training.clients_per_round=2", "evaluation.samples=50")
OF_THE_MACHINE = {"wall_time_s", "final_loss", "time_to_target_s", "time_to_target_held_s"}


def summaries(dry: bool) -> dict[str, dict[str, Any]]:
    """By label, what every machine must agree on, and accuracies."""
    forget()
    scenario = load(QUICKSTART, SMALLEST)
    trials = (summary_of(run(scenario, entry, 0, dry), scenario) for entry in scenario.algorithms)
    return {trial["label"]: {key: trial[key] for key in trial.keys() - OF_THE_MACHINE} for trial in trials}


@pytest.mark.parametrize("dry", [True, False], ids=["dry", "real"])
def test_it_is_as_recorded(dry: bool) -> None:
    recorded = json.loads(RECORDED.read_text())
    found = summaries(dry)
    assert found.keys() == recorded.keys()
    for label, figures in recorded.items():
        for key, value in figures.items():
            if "accuracy" in key or key == "evaluated_samples":
                assert dry or found[label][key] == pytest.approx(value, abs=0.05), (label, key)
            elif isinstance(value, int | str | None):
                assert found[label][key] == value, (label, key)
            else:
                assert found[label][key] == pytest.approx(value, rel=1e-12), (label, key)
        settled = found[label]["settled_accuracy"], found[label]["evaluated_samples"]
        assert settled == ((None, None) if dry else (found[label]["final_accuracy"], 50)), "there is one round"


if __name__ == "__main__":
    RECORDED.write_text(json.dumps(summaries(dry=False), indent=2, sort_keys=True) + "\n")
