"""Prices and carbon intensities of trials: what is billed, and what must be known of the grid."""

from __future__ import annotations

from math import fsum
from pathlib import Path
from typing import Any

import pytest

from analysis.goal import Target
from simulator.experiments.run.costs import running_costs, to_target
from simulator.experiments.trial.trial import run
from simulator.experiments.trial.validate import check, notices
from simulator.scenario.scenario import Scenario
from simulator.settings.errors import ScenarioError
from tests.helpers.small_trials import scenario

pytestmark = pytest.mark.usefixtures("small_model")

PRICES = {
    "gpu": "3 USD/h",
    "egress": "0.09 USD/GB",
    "cellular": {"jetson-nano": "5 USD/GB"},
    "electricity": "0.2 USD/kWh",
}
POINTS = [["0 s", "300 g/kWh"], ["1 ms", "200 g/kWh"]]


def small(folder: Path, label: str = "v2", **changes: Any) -> Scenario:
    return scenario(folder, [label], **changes)


def ends(folder: Path) -> list[float]:
    made = small(folder)
    return [point.sim_time_s for point in run(made, made.algorithms[0], 0, dry=True).rounds]


def test_prices_and_carbon_change_nothing_else(tmp_path: Path) -> None:
    plain, billed = small(tmp_path), small(tmp_path, prices=PRICES, carbon={"intensity": "400 g/kWh"})
    first, second = (run(one, one.algorithms[0], 0, dry=True) for one in (plain, billed))
    assert first.ledger == second.ledger
    assert first.uses == second.uses
    assert (first.cost_usd, first.carbon_kg) == (None, None)


def test_a_trial_costs_what_its_totals_cost(tmp_path: Path) -> None:
    """The server has one GPU; bytes and joules are those of the uses."""
    made = small(tmp_path, prices=PRICES | {"cellular": "5 USD/GB"}, carbon={"intensity": "400 g/kWh"})
    result = run(made, made.algorithms[0], 0, dry=True)
    up, down = (sum(use.bytes for use in result.uses if use.activity == way) for way in ("upload", "download"))
    kwh = fsum(use.energy_j for use in result.uses) / 3.6e6
    hours = result.rounds[-1].sim_time_s / 3600
    assert result.cost_usd == pytest.approx(3 * hours + 0.09e-9 * down + 5e-9 * (up + down) + 0.2 * kwh, rel=1e-12)
    assert result.carbon_kg == pytest.approx(0.4 * kwh, rel=1e-12)


def test_running_costs_grow_to_the_total(tmp_path: Path) -> None:
    made = small(tmp_path, prices=PRICES, carbon={"intensity": "400 g/kWh"}, training={"rounds": 4})
    result = run(made, made.algorithms[0], 0, dry=True)
    paid, emitted = (list(column) for column in zip(*running_costs(result), strict=True))
    assert (paid[0], emitted[0]) == (0, 0)
    assert paid == sorted(paid)  # type: ignore[type-var]
    assert (paid[-1], emitted[-1]) == pytest.approx((result.cost_usd, result.carbon_kg), rel=1e-12)


def test_a_gpu_that_is_held_is_paid_until_the_moment_of_a_round(tmp_path: Path) -> None:
    made = small(tmp_path, prices={"gpu": "3600 USD/h"}, training={"rounds": 3})
    result = run(made, made.algorithms[0], 0, dry=True)
    paid = [spent for spent, _ in running_costs(result)]
    assert paid == pytest.approx([point.sim_time_s for point in result.rounds], rel=1e-12)


def test_the_cost_to_a_target_is_that_of_the_first_evaluation_there(tmp_path: Path) -> None:
    made = small(tmp_path, "fl", prices=PRICES, carbon={"intensity": "400 g/kWh"}, training={"rounds": 3})
    result = run(made, made.algorithms[0], 0)
    scores = [point.score.accuracy for point in result.rounds if point.score]
    there = scores.index(max(scores))
    wanted = dict(zip(("cost_to_target_usd", "carbon_to_target_kg"), running_costs(result)[there], strict=True))
    assert to_target(result, Target(max(scores))) == wanted
    assert set(to_target(result, Target(1.0)).values()) == {None}
    assert set(to_target(result, None).values()) == {None}


def test_a_trial_that_outlasts_the_trace_of_the_grid_is_refused(tmp_path: Path) -> None:
    made = small(tmp_path, carbon={"signal": {"name": "trace", "points": POINTS}})
    check(made)
    with pytest.raises(ScenarioError) as error:
        run(made, made.algorithms[0], 0, dry=True)
    assert "small.yaml" in str(error.value)
    assert "carbon.signal.after: the trace ends at 1 ms, and v2 goes on after that" in str(error.value)
    assert "(allowed: hold, repeat, or a longer trace)" in str(error.value)


def test_a_real_trial_is_stopped_at_the_first_round_after_the_trace(tmp_path: Path) -> None:
    _, first, second = ends(tmp_path)
    until = [["0 s", "300 g/kWh"], [f"{(first + second) / 2} s", "200 g/kWh"]]
    made, seen = small(tmp_path, carbon={"signal": {"name": "trace", "points": until}}, training={"rounds": 9}), []
    with pytest.raises(ScenarioError, match=r"carbon\.signal\.after"):
        run(made, made.algorithms[0], 0, progress=lambda point: seen.append(point.round))
    assert seen == [0, 1]


@pytest.mark.parametrize("after", [{"after": "hold"}, {"after": "repeat", "end": "2 ms"}])
def test_a_trace_that_says_what_holds_after_its_end_can_be_outlasted(after: dict[str, str], tmp_path: Path) -> None:
    made = small(tmp_path, carbon={"signal": {"name": "trace", "points": POINTS, **after}})
    result = run(made, made.algorithms[0], 0, dry=True)
    assert result.carbon_kg is not None
    assert 200 <= 1000 * 3.6e6 * result.carbon_kg / fsum(use.energy_j for use in result.uses) <= 300


def test_a_budget_of_time_that_is_longer_than_the_trace_is_refused_at_once(tmp_path: Path) -> None:
    made = small(
        tmp_path, carbon={"signal": {"name": "trace", "points": POINTS}}, training={"budget": {"seconds": "1 s"}}
    )
    with pytest.raises(ScenarioError, match=r"carbon\.signal\.after: the trace ends at 1 ms"):
        check(made)


def test_a_trace_that_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    made = small(tmp_path, carbon={"signal": {"name": "trace", "file": "none.csv"}})
    with pytest.raises(ScenarioError, match=r"carbon\.signal\.file: .*none\.csv cannot be read"):
        check(made)


def test_what_is_said_of_edges_that_there_are_not_is_told(tmp_path: Path) -> None:
    electricity = {"edges": "0 USD/kWh", "server": "0.1 USD/kWh"}
    changes: dict[str, Any] = {
        "prices": {"edge_gpu": "1 USD/h", "electricity": electricity},
        "carbon": {"intensity": {"edges": "1 g/kWh", "server": "1 g/kWh", "devices": "1 g/kWh"}},
    }
    keys = "prices.edge_gpu", "prices.electricity.edges", "carbon.intensity.edges"
    said = list(notices(small(tmp_path, **changes)))
    assert [f"{key} changes nothing: the world has no edges" for key in keys] == said
    edges = [{"name": "rtx-4090", "devices": ["jetson-nano"]}]
    assert list(notices(small(tmp_path, world={"edges": edges}, **changes))) == []
    assert list(notices(small(tmp_path, prices={"electricity": "1 USD/kWh"}, carbon={"intensity": "1 g/kWh"}))) == []
