"""Sweeps and plans from Python: the same figures as runs and as the table of the command."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
import yaml

import simulator as sf
from analysis import RunError, load_sweep
from analysis.verdict import verdict_of_sweep
from simulator.settings.humanize import human
from tests.helpers.small_sweeps import SCENARIO

RATES = {"world.devices.*.uplink.rate": ["20 Mbit/s", "2 Mbit/s"]}


@pytest.fixture(scope="module")
def rates(tiny: sf.Scenario) -> sf.SweepResult:
    return sf.sweep(tiny, RATES, dry=True)


@pytest.fixture(scope="module")
def plan(tiny: sf.Scenario) -> sf.Plan:
    return sf.plan(tiny)


def test_each_point_is_a_run_of_its_own(tiny: sf.Scenario, rates: sf.SweepResult) -> None:
    for point, rate in enumerate(["20 Mbit/s", "2 Mbit/s"]):
        alone = sf.run(tiny.with_({f"world.devices.{group}.uplink.rate": rate for group in (0, 1)}), dry=True)
        rows = rates.points[rates.points["point"] == point]
        assert list(rows["label"]) == ["FL", "SFL"]
        assert list(rows["sim_time_s"]) == list(alone.summary["sim_time_s"])


def test_values_of_axes_are_in_si(rates: sf.SweepResult) -> None:
    assert list(rates.points["world.devices.*.uplink.rate"]) == [2.5e6, 2.5e6, 0.25e6, 0.25e6]
    assert set(rates.points["status"]) == {"done"}


def test_a_sweep_with_seeds_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(SCENARIO)
    swept = sf.sweep(tmp_path / "tiny.yaml", {"training.rounds": range(1, 3)}, seeds=[3, 4], dry=True)
    assert list(swept.points["training.rounds"]) == [1] * 4 + [2] * 4
    assert list(swept.points["seed"]) == [3, 4] * 4
    assert repr(swept) == "<Sweep of tiny: 8 dry trials at 2 points>"


def test_finished_trials_are_kept_in_a_named_folder(tiny: sf.Scenario, tmp_path: Path) -> None:
    sf.sweep(tiny, RATES, dry=True, out=tmp_path / "sweep")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "sweep" / "trials").iterdir()}
    more = {"world.devices.*.uplink.rate": [*RATES["world.devices.*.uplink.rate"], "1 Mbit/s"]}
    assert len(sf.sweep(tiny, more, dry=True, out=tmp_path / "sweep").points) == 6
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "sweep" / "trials").iterdir()}
    assert len(after) == 6
    assert after.items() >= before.items()


def test_a_temporary_sweep_goes_with_its_result(tiny: sf.Scenario) -> None:
    swept = sf.sweep(tiny, {"training.rounds": [1]}, dry=True)
    folder = swept.folder
    assert load_sweep(folder).labels == ["FL", "SFL"]
    del swept
    gc.collect()
    assert not folder.parent.exists()


def test_the_table_shows_the_points(rates: sf.SweepResult) -> None:
    row = rates.points.iloc[-1]
    line = next(line for line in str(rates).splitlines() if "2 Mbit/s" in line and "SFL" in line)
    assert human("seconds", row["sim_time_s"]) in line
    assert human("seconds", row["sim_time_s"]) in rates._repr_html_()


def test_the_verdict_is_that_of_the_folder_and_is_shown(rates: sf.SweepResult) -> None:
    assert rates.verdict == verdict_of_sweep(load_sweep(rates.folder))
    assert str(rates.verdict) in str(rates)


def test_one_axis_is_drawn_as_lines_and_two_as_heat_maps(tiny: sf.Scenario, rates: sf.SweepResult) -> None:
    assert [line.get_label() for line in rates.plot().axes[0].get_lines() if line.get_gid() == "curve"] == ["FL", "SFL"]
    grid = sf.sweep(tiny, RATES | {"training.rounds": [1, 2]}, dry=True)
    assert len(grid.plot("bytes").axes[0].images) == 1
    with pytest.raises(RunError, match="this sweep has no axis 'slots'"):
        grid.plot(x="slots")


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({}, "sweep: axes: there is no axis: name at least one key of the scenario"),
        ({"training.rounds": []}, "sweep: axes.training.rounds is []: the axis is empty: give it at least one value"),
        ({"training.rounds": 3}, "write a list of values"),
        ({"training.round": [3]}, 'there is no such key; did you mean "rounds"?'),
        ({"training.rounds": [0]}, "training.rounds is 0: it must be more than 0"),
    ],
)
def test_axes_that_are_none(tiny: sf.Scenario, axes: dict[str, object], message: str) -> None:
    with pytest.raises(sf.ScenarioError) as raised:
        sf.sweep(tiny, axes, dry=True)
    assert message in str(raised.value)


def test_a_plan_has_a_row_for_each_cut_and_the_fastest_that_fits(plan: sf.Plan) -> None:
    split = plan.cuts[plan.cuts["label"] == "SFL"]
    assert split["head"].tolist() == list(range(len(split)))
    assert plan.best["head"].tolist() == [split.loc[split["round_s"].idxmin(), "head"]]
    assert plan.cuts.loc[plan.cuts["label"] == "FL", "head"].isna().all()


def test_a_planned_round_is_that_of_a_run(tiny: sf.Scenario, plan: sf.Plan) -> None:
    """The first round of a run sends frozen weights too, as `first_round_s` does."""
    own = plan.cuts[plan.cuts["own_cut"]]
    assert own["first_round_s"].tolist() == sf.run(tiny, dry=True).summary["sim_time_s"].tolist()


def test_a_plan_shows_every_cut_and_answers_questions(plan: sf.Plan) -> None:
    assert plan._repr_html_().count("<tr") == 1 + len(plan.cuts)
    assert any("SFL" in sentence for sentence in plan.answers["Which cut is fastest?"])


def test_a_mapping_can_be_planned_and_swept() -> None:
    mapping = yaml.safe_load(SCENARIO)
    assert repr(sf.plan(mapping)).startswith("<Plan of tiny: ")
    assert len(sf.sweep(mapping, {"training.rounds": [1]}, dry=True).points) == 2
