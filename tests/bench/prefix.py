"""SFL+Linear of the quickstart, with what frozen stages compute remembered and not: the same figures, less time."""

from __future__ import annotations

import time
from functools import partial
from typing import NamedTuple
from unittest.mock import patch

from simulator.experiments.trial import build, trial
from simulator.experiments.trial.result import TrialResult
from simulator.learning.task import Task
from simulator.scenario.scenario import load
from tests.bench import report
from tests.helpers.places import SCENARIOS

QUICKSTART = SCENARIOS / "quickstart.yaml"
PAIRS = 2


class Timed(NamedTuple):
    """A trial; its seconds of wall time, and of this process's own work."""

    outcome: TrialResult
    wall_s: float
    cpu_s: float


def timed(remember: bool) -> Timed:
    """The trial as the quickstart has it, all rounds and evaluations, on one thread."""
    scenario = load(QUICKSTART, ("threads=1",))
    entry = next(entry for entry in scenario.algorithms if entry.label == "SFL+Linear")
    with patch.object(build, "Task", partial(Task, remember=remember)):
        wall, cpu = time.perf_counter(), time.process_time()
        outcome = trial.run(scenario, entry, scenario.seeds[0])
        return Timed(outcome, time.perf_counter() - wall, time.process_time() - cpu)


def main() -> None:
    timed(remember=True)  # so that neither pays for what is traced once
    on, off = zip(*((timed(remember=True), timed(remember=False)) for _ in range(PAIRS)), strict=True)
    first, others = on[0].outcome, [one.outcome for one in (*on[1:], *off)]
    assert all(other.rounds == first.rounds for other in others), "accuracy and loss to the last digit"
    assert all(other.ledger == first.ledger for other in others), "whatever is remembered, all of it is charged"
    last = first.rounds[-1].score
    assert last is not None
    fast, slow = (min(one.wall_s for one in side) for side in (on, off))
    report(
        "prefix_memory_speedup",
        slow / fast,
        cpu=min(one.cpu_s for one in off) / min(one.cpu_s for one in on),
        pairs=PAIRS,
        remembered_s=fast,
        computed_s=slow,
        rounds=first.entry.training.rounds,
        works=len(first.ledger.works),
        accuracy=last.accuracy,
        loss=last.loss,
    )


if __name__ == "__main__":
    main()
