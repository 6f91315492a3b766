"""Budgets that end a trial in place of rounds, and evaluations that go by the clock."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from simulator.experiments.trial import model
from simulator.experiments.trial.result import TrialResult
from simulator.experiments.trial.simulate import Simulation
from simulator.experiments.trial.trial import run
from simulator.scheduling.budget import Budget
from simulator.settings.errors import ScenarioError
from tests.helpers import small_trials
from tests.helpers.caches import forget

DRIVERS: list[dict[str, Any]] = [
    {"name": "synchronous"},
    {"name": "deadline", "seconds": "60 ms"},
    {"name": "fedbuff", "buffer": 2, "concurrency": 4},
    {"name": "semi_async", "seconds": "30 ms", "concurrency": 4},
]


@pytest.fixture(autouse=True)
def _small_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "build", small_trials.four_blocks)


def trial(folder: Path, dry: bool = True, evaluation: dict[str, Any] | None = None, **training: Any) -> TrialResult:
    scenario = small_trials.scenario(folder, ["fl"], training=training, evaluation=evaluation or {"samples": 20})
    forget()
    return run(scenario, scenario.algorithms[0], seed=0, dry=dry)


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver["name"])
def test_a_budget_of_time_ends_a_trial_at_that_moment(driver: dict[str, Any], tmp_path: Path) -> None:
    result = trial(tmp_path, driver=driver, budget={"seconds": "200 ms"})
    ledger = result.ledger
    assert result.rounds[-1].sim_time_s == pytest.approx(0.2, abs=1e-12)
    assert result.rounds[-1].sim_time_s <= result.rounds[-1].sim_time_s
    for row in (*ledger.works, *ledger.transfers, *ledger.engagements, *ledger.rounds):
        assert row.start + row.seconds <= result.rounds[-1].sim_time_s + 1e-12
    assert len(ledger.rounds) == result.rounds[-1].round


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver["name"])
def test_a_trial_that_a_budget_ends_began_as_one_that_rounds_end(driver: dict[str, Any], tmp_path: Path) -> None:
    """What had ended by then is the same to the digit."""
    longer = trial(tmp_path, driver=driver, rounds=30)
    ended = trial(tmp_path, driver=driver, budget={"seconds": "200 ms"})
    works = [row for row in longer.ledger.works if row.start + row.seconds < 0.2]
    assert [row for row in ended.ledger.works if row.start + row.seconds < 0.2] == works
    assert len(works) > 4


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver["name"])
def test_a_budget_of_updates_ends_a_trial_with_the_aggregation_that_spends_it(
    driver: dict[str, Any], tmp_path: Path
) -> None:
    updates = [row.updates for row in trial(tmp_path, driver=driver, budget={"updates": 7}).ledger.rounds]
    assert sum(updates) >= 7 > sum(updates[:-1])


def test_a_budget_of_bytes_ends_a_trial_with_the_aggregation_that_spends_it(tmp_path: Path) -> None:
    round_one = sum(row.bytes for row in trial(tmp_path, rounds=1).ledger.transfers)
    result = trial(tmp_path, budget={"bytes": f"{2.5 * round_one} B"})
    assert result.rounds[-1].round == 3


def test_a_budget_has_one_limit() -> None:
    for limits in ({}, {"updates": 3, "seconds": "1 s"}):
        with pytest.raises(ValidationError, match="it needs one limit, and has"):
            Budget(**limits)


def test_the_last_state_is_evaluated_however_a_trial_ends(tmp_path: Path) -> None:
    for ending in ({"budget": {"seconds": "150 ms"}}, {"budget": {"updates": 5}}, {"rounds": 3}):
        result = trial(tmp_path, dry=False, evaluation={"samples": 20, "every": "10 h"}, **ending)
        scores = [point.score is not None for point in result.rounds]
        assert scores == [True, *[False] * (len(scores) - 2), True]


def test_evaluations_go_by_the_clock_where_the_interval_is_a_duration(tmp_path: Path) -> None:
    result = trial(tmp_path, dry=False, evaluation={"samples": 20, "every": "100 ms"}, rounds=8)
    moments = [point.sim_time_s for point in result.rounds]
    due = [True] + [after // 0.1 > before // 0.1 for before, after in pairwise(moments)]
    assert [point.score is not None for point in result.rounds] == [*due[:-1], True]
    assert 1 < sum(due) < len(due)


def test_a_learning_rate_stays_at_its_last_after_the_rounds_that_its_schedule_knows(tmp_path: Path) -> None:
    schedule = {"name": "cosine", "floor": 0.5}
    result = trial(tmp_path, dry=False, rounds=2, schedule=schedule, budget={"updates": 12})
    assert result.rounds[-1].round > 2


def test_a_standstill_before_the_time_is_up_is_noted_and_the_trial_keeps_what_it_has(tmp_path: Path) -> None:
    device = {"name": "raspberry-pi-4", "count": 4, "battery": {"capacity": "2 J"}}
    world = {"devices": [device], "server": {"name": "rtx-4090"}}
    training = {"budget": {"seconds": "1 h"}, "clients_per_round": 2}
    scenario = small_trials.scenario(tmp_path, ["fl"], world=world, training=training)
    forget()
    result = run(scenario, scenario.algorithms[0], seed=0, dry=True)
    assert "(battery)" in result.standstill
    assert result.rounds[-1].round >= 1


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver["name"])
def test_a_trial_goes_on_to_the_end_of_its_time_after_a_standstill(driver: dict[str, Any], tmp_path: Path) -> None:
    """Uplinks are dead from 30 ms on: nobody is done, and the clock and the batteries go on as in any trial."""
    dead = {"rate": "1 Mbit/s", "signal": {"name": "trace", "points": [["0 s", 1.0], ["30 ms", 0.0]]}}
    device = {"name": "raspberry-pi-4", "count": 6, "uplink": dead, "battery": {"capacity": "10 Wh"}}
    world = {"devices": [device], "server": {"name": "rtx-4090"}}
    training = {"budget": {"seconds": "20 s"}, "clients_per_round": 4, "driver": driver}
    scenario = small_trials.scenario(tmp_path, ["fl"], world=world, training=training)
    forget()
    simulation = Simulation(scenario, scenario.algorithms[0], seed=0, dry=True)
    result = simulation.run()
    assert result.rounds[-1].sim_time_s == 20
    assert {row.reason for row in result.ledger.attempts} <= {"unfinished", "late"}
    for site in simulation.world.sites:
        if site.battery is not None:
            joules = sum(use.energy_j for use in result.uses if use.site == site.name)
            assert site.battery.drawn == pytest.approx(joules, rel=1e-9)


def test_a_round_that_ends_with_the_time_is_a_round(tmp_path: Path) -> None:
    """Rounds of 10 ms in which all are late, for 100 ms."""
    driver = {"name": "deadline", "seconds": "10 ms"}
    result = trial(tmp_path, driver=driver, budget={"seconds": "100 ms"})
    assert result.rounds[-1].round == len(result.ledger.rounds) == 10
    assert {row.reason for row in result.ledger.attempts} <= {"late", ""}


@pytest.mark.parametrize("every", [0, -1, 1.5, True, "0 s", "3 rounds", "-1 s"])
def test_an_interval_that_is_none_is_refused(every: Any, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"evaluation\.every"):
        trial(tmp_path, evaluation={"every": every})


def test_a_scenario_with_budget_and_interval_is_written_so_that_it_is_read_again(tmp_path: Path) -> None:
    from simulator.scenario.scenario import load

    training = {"budget": {"bytes": "500 MB"}, "driver": {"name": "semi_async", "seconds": "30 s"}}
    scenario = small_trials.scenario(tmp_path, ["fl"], training=training, evaluation={"every": "90 s"})
    (tmp_path / "again.yaml").write_text(scenario.resolved())
    assert load(tmp_path / "again.yaml") == scenario
