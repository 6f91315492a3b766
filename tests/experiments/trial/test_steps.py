"""A trial can be taken apart: its steps one by one are what all of them at once are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from simulator.experiments.trial.trial import Trial, run
from simulator.scenario.scenario import Scenario
from tests.helpers.small_trials import scenario


@pytest.fixture
def small(tmp_path: Path) -> Scenario:
    """Two algorithms, the second with a cut that a policy chooses; two rounds."""
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


def test_asked_again_for_its_rounds_it_goes_on_where_it_stopped(small: Scenario) -> None:
    whole = run(small, small.algorithms[0], 0)
    trial = Trial(small, small.algorithms[0], 0)
    for point in trial.rounds():
        if point.round == 1:
            break
    assert [point.round for point in trial.rounds()] == [2]
    again = trial.run()
    assert again.rounds == whole.rounds
    assert again.ledger == whole.ledger


def test_its_result_takes_the_steps_that_are_missing(small: Scenario) -> None:
    assert Trial(small, small.algorithms[0], 0, dry=True).result().rounds[-1].round == 2


def test_a_driver_that_starts_again_goes_on_from_the_last_aggregation(small: Scenario) -> None:
    simulation = Trial(small, small.algorithms[0], 0).build()

    def states(rounds: int) -> list[Any]:
        found = simulation.entry.training.driver.states(
            simulation.entry.algorithm,
            simulation.world,
            simulation.task,
            rounds=rounds,
            clients_per_round=2,
            selection=simulation.entry.training.selection,
            seeds=simulation.seeds,
        )
        return [(simulation.world.aggregations, state) for state in found]

    first, second = states(1), states(2)
    assert [number for number, _ in first + second] == [0, 1, 1, 2]
    assert second[0][1] is first[-1][1]


@pytest.mark.parametrize("threads", [1, 2])
def test_each_trial_trains_with_its_own_threads_whichever_was_built_last(small: Scenario, threads: int) -> None:
    own = small.model_copy(update={"threads": threads})
    trial = Trial(own, own.algorithms[0], 0, dry=True)
    trial.build()
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        next(trial.rounds())
        assert torch.get_num_threads() == threads
        torch.set_num_threads(3)
        next(trial.rounds())
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
