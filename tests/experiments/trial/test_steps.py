"""A trial can be taken apart: its steps one by one are what all of them at once are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulator.experiments.trial.trial import Trial, run
from simulator.scenario.scenario import Scenario
from tests.helpers.small_trials import scenario


@pytest.fixture
def small(tmp_path: Path) -> Scenario:
    """Two algorithms, the second with a cut that a policy chooses; three rounds."""
    return scenario(tmp_path, ["fl", "v1-fastest"])


@pytest.mark.parametrize("label", ["fl", "v1-fastest"])
@pytest.mark.parametrize("dry", [True, False])
def test_step_by_step_is_what_all_at_once_is(small: Scenario, label: str, dry: bool) -> None:
    (entry,) = (each for each in small.algorithms if each.label == label)
    whole = run(small, entry, 0, dry)
    trial = Trial(small, entry, 0, dry)
    trial.choose_cuts()
    trial.build()
    rounds = list(trial.rounds())
    result = trial.result()
    assert rounds == result.rounds == whole.rounds
    assert result.ledger == whole.ledger
    assert result.client_peaks == whole.client_peaks


def test_building_runs_nothing_and_each_round_runs_as_far_as_its_aggregation(small: Scenario) -> None:
    trial = Trial(small, small.algorithms[0], 0, dry=True)
    world = trial.build().world
    assert (world.now, len(world.ledger.works), world.aggregations) == (0, 0, 0)
    seen: list[Any] = []
    for result in trial.rounds():
        assert (result.sim_time_s, result.round) == (world.now, world.aggregations)
        assert all(row.start + row.seconds <= world.now for row in world.ledger.works)
        seen.append(len(world.ledger.works))
    assert seen[0] == 0
    assert seen == sorted(set(seen)), "each round adds works"


def test_a_policy_has_chosen_once_its_step_is_taken(small: Scenario) -> None:
    trial = Trial(small, small.algorithms[1], 0, dry=True)
    before: Any = trial.entry.algorithm
    after: Any = trial.choose_cuts().algorithm
    assert (len(before.placement), len(after.placement)) == (0, small.world.clients)
    assert trial.build().entry is trial.choose_cuts()


def test_a_trial_that_is_given_up_leaves_what_it_did(small: Scenario) -> None:
    trial = Trial(small, small.algorithms[0], 0, dry=True)
    rounds = trial.rounds()
    next(rounds)
    first = next(rounds)
    rounds.close()  # type: ignore[attr-defined]
    assert trial.result().rounds[-1] == first
    assert {row.round for row in trial.result().ledger.rounds} == {1}
