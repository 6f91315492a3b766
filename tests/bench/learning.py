"""``make bench-learning``: what each algorithm of the quickstart gains from pre-trained weights over random ones."""

from __future__ import annotations

import statistics
import sys

from simulator.experiments.trial.trial import run
from simulator.scenario.scenario import load
from tests.bench import report
from tests.helpers.places import SCENARIOS

QUICKSTART = SCENARIOS / "quickstart.yaml"
SEEDS = (0, 1, 2)


def final_accuracy(model: str, label: str, seed: int) -> float:
    """The accuracy after the last round, on all test samples."""
    rounds = load(QUICKSTART).training.rounds
    changes = ("threads=1", f"model.name={model}", f"evaluation.every={rounds}", "evaluation.samples=null")
    scenario = load(QUICKSTART, changes)
    entry = next(entry for entry in scenario.algorithms if entry.label == label)
    score = run(scenario, entry, seed).rounds[-1].score
    assert score is not None
    return score.accuracy


def main(labels: list[str]) -> None:
    for entry in load(QUICKSTART).algorithms:
        if labels and entry.label not in labels:
            continue
        pairs = [[final_accuracy(model, entry.label, seed) for model in ("bundled", "random")] for seed in SEEDS]
        gains = [bundled - random for bundled, random in pairs]
        report(
            "pretraining_gain",
            statistics.mean(gains),
            algorithm=entry.label,
            pretrained=statistics.mean(bundled for bundled, _ in pairs),
            random=statistics.mean(random for _, random in pairs),
            gains=gains,
            seeds=SEEDS,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
