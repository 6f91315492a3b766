"""SFL+Linear with what frozen stages compute remembered and not: the same figures, less time.

Once with the quickstart's images, and twice with texts and MiniLM: padded to one length, and to the longest of a batch.
A text in another batch has other padding beside it, so that its last digits may differ there.
"""

from __future__ import annotations

import math
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from simulator.experiments.trial import build, trial
from simulator.experiments.trial.result import TrialResult
from simulator.learning.models.text.hub import packaged
from simulator.learning.task import Task
from simulator.scenario.scenario import Scenario, load
from tests.bench import report
from tests.helpers.places import SCENARIOS

QUICKSTART = SCENARIOS / "quickstart.yaml"
MINILM = Path(__file__).with_name("prefix_minilm.yaml")
PAIRS = 2


class Timed(NamedTuple):
    """A trial; its seconds of wall time, and of this process's own work."""

    outcome: TrialResult
    wall_s: float
    cpu_s: float


def timed(scenario: Scenario, remember: bool) -> Timed:
    """The trial of a scenario's SFL+Linear, all rounds and evaluations, on one thread."""
    entry = next(entry for entry in scenario.algorithms if entry.label == "SFL+Linear")
    with patch.object(build, "Task", partial(Task, remember=remember)):
        wall, cpu = time.perf_counter(), time.process_time()
        outcome = trial.run(scenario, entry, scenario.seeds[0])
        return Timed(outcome, time.perf_counter() - wall, time.process_time() - cpu)


def measure(name: str, scenario: Scenario, exact: bool = True, pairs: int = PAIRS) -> None:
    """Report how many times as long a trial takes where nothing is remembered.

    Args:
        name: of the measurement.
        scenario: has an entry SFL+Linear.
        exact: whether accuracy and loss are the same to the last digit.
        pairs: how often both are measured.
    """
    timed(scenario, remember=True)  # so that neither pays for what is traced once
    on, off = zip(
        *((timed(scenario, remember=True), timed(scenario, remember=False)) for _ in range(pairs)), strict=True
    )
    first, others = on[0].outcome, [one.outcome for one in (*on[1:], *off)]
    assert all(other.ledger == first.ledger for other in others), "whatever is remembered, all of it is charged"
    losses = [[point.score.loss for point in one.rounds if point.score] for one in (first, *others)]
    apart = max(abs(a - b) for one in losses for a, b in zip(losses[0], one, strict=True))
    if exact:
        assert all(other.rounds == first.rounds for other in others), "accuracy and loss to the last digit"
    assert apart < 1e-5
    last = first.rounds[-1].score
    assert last is not None
    assert math.isfinite(last.loss)
    fast, slow = (min(one.wall_s for one in side) for side in (on, off))
    report(
        name,
        slow / fast,
        cpu=min(one.cpu_s for one in off) / min(one.cpu_s for one in on),
        pairs=pairs,
        remembered_s=fast,
        computed_s=slow,
        rounds=first.entry.training.rounds,
        works=len(first.ledger.works),
        accuracy=last.accuracy,
        loss=last.loss,
        losses_apart=apart,
    )


def main() -> None:
    """Images first, then texts."""
    measure("prefix_memory_speedup", load(QUICKSTART, ("threads=1",)))
    texts()


def texts() -> None:
    """Texts; the model has random weights where the published ones are not installed."""
    changes = () if packaged("minilm") else ("model.pretrained=false",)
    for padding in ("length", "longest"):
        scenario = load(MINILM, (*changes, f"model.padding={padding}"))
        measure(f"prefix_memory_speedup_minilm_{padding}", scenario, exact=padding == "length", pairs=1)


if __name__ == "__main__":
    main()
