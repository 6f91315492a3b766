"""Runs in memory, made of accuracy curves, for tests of verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from analysis.columns import PATHS_COLUMNS
from analysis.goal import Target
from analysis.runs import Run
from analysis.settled import Evaluation, held_from, settled_accuracy
from analysis.tasks import perplexity

Curve = Sequence[tuple[float, float | None]]
"""The clock in seconds and the accuracy after each round, from round 0 on."""
BYTES, JOULES = 1e6, 10.0
"""What each round sends in each direction, and what it takes on the devices."""


def run_of(
    curves: Mapping[str, Mapping[int, Curve]],
    folder: Path,
    target: float | Target | None = 0.7,
    samples: int | None = 400,
    paths: Mapping[str, Mapping[str, float]] | None = None,
    task: str = "classification",
    **summary: Mapping[str, float],
) -> Run:
    """Return a run with these accuracy curves, and losses of `loss_at`.

    Args:
        curves: by label and seed, the curve of a trial.
        folder: an empty folder, into which the critical paths are written.
        target: the target, or the target accuracy.
        samples: the number of test samples.
        paths: by label, the seconds of each side on the critical path of all rounds.
        task: what the models learn.
        summary: further columns of the summary, by label.
    """
    goal = Target(target) if isinstance(target, float) else target
    trials, rounds = [], []
    for label, by_seed in curves.items():
        for seed, curve in by_seed.items():
            known = [
                Evaluation(i, clock, accuracy, loss_at(accuracy))
                for i, (clock, accuracy) in enumerate(curve)
                if accuracy is not None
            ]
            trials.append(
                {
                    "algorithm": label.lower(),
                    "label": label,
                    "seed": seed,
                    "rounds": len(curve) - 1,
                    "final_accuracy": known[-1].accuracy if known else None,
                    "final_loss": known[-1].loss if known else None,
                    "perplexity": perplexity(known[-1].loss if known else None, task),
                    "settled_accuracy": settled_accuracy(known, 3),
                    "time_to_target_held_s": held_from(known, goal),
                    "evaluated_samples": samples,
                    "sim_time_s": curve[-1][0],
                    "bytes_up": BYTES * (len(curve) - 1),
                    "bytes_down": BYTES * (len(curve) - 1),
                    "client_energy_j": JOULES * (len(curve) - 1),
                    **{column: values[label] for column, values in summary.items()},
                }
            )
            rounds += [
                {
                    "label": label,
                    "seed": seed,
                    "round": number,
                    "updates": number,
                    "sim_time_s": clock,
                    "accuracy": accuracy,
                    "loss": None if accuracy is None else loss_at(accuracy),
                    "bytes_up": BYTES * number,
                    "bytes_down": BYTES * number,
                    "client_energy_j": JOULES * number,
                }
                for number, (clock, accuracy) in enumerate(curve)
            ]
    rows = [
        dict.fromkeys(PATHS_COLUMNS, "") | {"label": label, "seed": 0, "round": "all", "side": side, "seconds": seconds}
        for label, sides in (paths or {}).items()
        for side, seconds in sides.items()
    ]
    if rows:
        pd.DataFrame(rows).to_csv(folder / "critical_path.csv", index=False)
    empty = pd.DataFrame()
    table = pd.DataFrame(trials)
    numbers = table.columns.difference(["algorithm", "label", "seed", "rounds"])
    return Run(
        folder=folder,
        name="made up",
        summary=table.astype(dict.fromkeys(numbers, "float64")),
        rounds=pd.DataFrame(rounds).astype({"accuracy": "float64", "loss": "float64"}),
        breakdown=empty,
        waste=empty,
        environment={},
        scenario={},
        scenario_text="",
        version="",
        dry=all(accuracy is None for by_seed in curves.values() for curve in by_seed.values() for _, accuracy in curve),
        target=goal,
        task=task,
    )


def loss_at(accuracy: float) -> float:
    """Return the loss that goes with an accuracy: 4 at none, and 0 where all is right."""
    return 4 * (1 - accuracy)


def rising(seconds: float, accuracies: Sequence[float | None]) -> Curve:
    """Return a curve whose rounds take so many seconds each, with the accuracy before training and after each round."""
    return [(seconds * number, accuracy) for number, accuracy in enumerate(accuracies)]
