"""The cut that would fit is that of a bisection over runs of the cohort, wherever a guess sends it first."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.experiments.trial import fitting_cut
from simulator.experiments.trial.memory_check import dry_run_that_fits
from simulator.experiments.trial.result import TrialResult
from simulator.experiments.trial.trial import Trial
from simulator.scenario.scenario import Scenario
from simulator.settings.errors import ScenarioError

AMPLE = 10**12


@pytest.mark.parametrize("count", range(7))
def test_a_guess_changes_nothing_but_how_often_it_asks(count: int) -> None:
    for first in range(count + 1):
        for guess in (None, *range(count + 1)):
            asked: list[int] = []
            assert (
                fitting_cut.first_true(count, lambda i, f=first, a=asked: bool(a.append(i)) or i >= f, guess) == first
            )
            assert all(0 <= index < count for index in asked)
            if guess == first:
                assert len(asked) == (first > 0) + (first < count)


def fleet(memory: int, head: int) -> Scenario:
    """Forty devices in one group, with shards of two sizes, all of which take part in one round."""
    return Scenario.model_validate(
        {
            "name": "fleet",
            "world": {
                "devices": [{"name": "jetson-nano", "count": 40, "memory": f"{memory} B"}],
                "server": {"name": "a100", "memory": f"{AMPLE} B"},
            },
            "model": {"name": "random"},
            "data": {"name": "synthetic", "samples": 6 * 40 - 20, "test_samples": 5, "classes": 5},
            "training": {"rounds": 1, "clients_per_round": 40, "batch_size": 6, "optimizer": {"name": "sgd"}},
            "algorithms": [{"name": "splitfed", "head": head}],
        }
    )


def dry(settings: Scenario) -> TrialResult:
    return dry_run_that_fits(settings, settings.algorithms[0], seed=0)


def test_devices_of_each_class_tell_where_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs of the cohort: of the cut that fits, and of the one before it, which does not."""
    built: list[int] = []

    class Counted(Trial):
        def __init__(self, scenario: Any, entry: Any, *args: Any, **options: Any) -> None:
            built.append(entry.algorithm.head)
            super().__init__(scenario, entry, *args, **options)

    monkeypatch.setattr(fitting_cut, "Trial", Counted)
    enough = dry(fleet(AMPLE, head=2)).peak_client_memory_bytes
    with pytest.raises(ScenarioError, match="; head: 2 would fit"):
        dry(fleet(enough, head=4))
    assert built == [2, 3]
