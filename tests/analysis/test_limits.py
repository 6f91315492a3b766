"""Budgets as a report knows them: what they are called, and what they leave nothing to compare of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from analysis import load_run, load_sweep, write_report
from analysis.interactive.sweep import sweep_data
from analysis.limits import Limit, limited, limits_of
from analysis.measures import costs_asked, measure_columns, present
from analysis.report_comparison import compare
from analysis.report_page import facts_of
from tests.helpers.reports import Page
from tests.helpers.run_folders import fabricate
from tests.helpers.sweep_folders import HEAD, costs, fabricate_sweep

TIME = {"seconds": "120 s", "updates": None, "bytes": None}


def scenario(budget: object, *own: dict[str, Any]) -> dict[str, Any]:
    return {
        "training": {"rounds": 12, "budget": budget},
        "algorithms": [{"name": "fedavg", "training": training} for training in own],
    }


def budgeted(folder: Path, budget: object = TIME, **more: Any) -> Path:
    """A made-up run whose trials a budget ends."""
    path = fabricate(folder, **more) / "scenario.yaml"
    content = yaml.safe_load(path.read_text())
    content["training"]["budget"] = budget
    path.write_text(yaml.safe_dump(content))
    return folder


def swept(folder: Path, budget: object, formula: Any = costs) -> Path:
    path = fabricate_sweep(folder, {HEAD: ["1", "2"]}, formula=formula) / "sweep.yaml"
    plan = yaml.safe_load(path.read_text())
    plan["scenario"]["training"] = {"budget": budget}
    path.write_text(yaml.safe_dump(plan))
    return folder


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        (Limit("seconds", "600 s"), "10 min of simulated time"),
        (Limit("updates", "200"), "200 updates"),
        (Limit("bytes", "500 MB"), "500 MB of traffic"),
    ],
)
def test_a_limit_in_words(limit: Limit, said: str) -> None:
    assert str(limit) == said


@pytest.mark.parametrize(
    ("budget", "own", "expected"),
    [
        (None, [{}], [None]),
        (TIME, [{}, {"driver": {}}], [Limit("seconds", "120 s")] * 2),
        (None, [{"budget": {"updates": 9}}, {}], [Limit("updates", "9"), None]),
        (TIME, [{"budget": None}], [None]),
        (TIME, [{"budget": {"seconds": None, "updates": 9}}], [Limit("updates", "9")]),
    ],
)
def test_an_entry_lays_its_own_budget_over_the_shared_one(budget: Any, own: Any, expected: Any) -> None:
    assert limits_of(scenario(budget, *own)) == expected


def test_trials_are_limited_alike_or_not_at_all() -> None:
    assert limited(scenario(TIME, {}, {"budget": {"seconds": "60 s"}})) == "seconds"
    assert limited(scenario(TIME, {}, {"budget": None})) == ""
    assert limited({}) == ""


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        (["training.budget.seconds", "training.rounds"], "seconds"),
        (["training.budget"], ""),
        (["algorithms.FL.training.budget.seconds"], ""),
        (["training.batch_size"], "bytes"),
    ],
)
def test_an_axis_may_set_the_budget(axes: list[str], expected: str) -> None:
    assert limited(scenario({"bytes": "1 MB"}, {}), axes) == expected


def test_the_header_says_the_budget_in_place_of_rounds_that_do_not_count() -> None:
    assert dict(facts_of(scenario(TIME, {}, {}))) == {"Budget": "2 min of simulated time"}
    mixed = dict(facts_of(scenario(TIME, {}, {"budget": None})))
    assert mixed == {"Rounds": "12", "Budget": "2 min of simulated time"}


def test_the_report_of_a_run_says_its_budget(tmp_path: Path) -> None:
    text = Page.of(write_report(budgeted(tmp_path), [])).text
    assert "Budget 2 min of simulated time" in text
    assert "Rounds 3" not in text


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (None, ["simulated time", "traffic", "device energy"]),
        ({"updates": 9}, ["simulated time", "traffic", "device energy"]),
        (TIME, ["device energy per update"]),
        ({"bytes": "1 MB"}, ["simulated time", "device energy"]),
    ],
)
def test_what_the_budget_settles_is_not_asked_for(tmp_path: Path, budget: Any, expected: list[str]) -> None:
    run = load_run(budgeted(tmp_path / "run", budget))
    run.summary["energy_per_update_j"] = [2.0, 1.0]
    asked = [what for what, column in costs_asked(run.limited) if present(run.summary, column)]
    assert asked == [f"Least {what}" for what in expected]
    assert load_sweep(swept(tmp_path / "sweep", budget)).limited == run.limited


def test_nobody_is_best_in_what_the_budget_settles(tmp_path: Path) -> None:
    for name, budget in (("timed", TIME), ("rounds", None)):
        run = load_run(budgeted(tmp_path / name, budget))
        (cells,) = (column.cells for column in measure_columns(run) if column.name == "Simulated time")
        assert any(cell.best for cell in cells) == (budget is None)
        data = sweep_data(load_sweep(swept(tmp_path / f"sweep of {name}", budget)))
        place = [measure["column"] for measure in data["measures"]].index("sim_time_s")
        assert any(won[place] for won in data["winners"]) == (budget is None)


def test_runs_side_by_side_are_limited_alike_or_not_at_all(tmp_path: Path) -> None:
    folders = [budgeted(tmp_path / "a"), budgeted(tmp_path / "b", name="b"), budgeted(tmp_path / "c", None, name="c")]
    assert compare(folders[:2]).joined.limited == "seconds"
    assert compare(folders[1:]).joined.limited == ""
