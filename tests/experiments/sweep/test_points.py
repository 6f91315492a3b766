"""From points to trials: which trials are the same, and what is no scenario."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.experiments.sweep import points
from simulator.experiments.sweep.points import Plan
from simulator.experiments.sweep.settings import load
from simulator.experiments.trial import identity
from simulator.settings.errors import ScenarioError
from tests.helpers.small_sweeps import Write


def planned(write: Write, *overrides: str, dry: bool = True, **said: Any) -> Plan:
    sweep = load(write(**said))
    return points.plan(sweep, points.base(sweep, overrides), dry)


def hashes(plan: Plan, label: str) -> list[str]:
    return [row.trial for row in plan.rows if row.label == label]


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("algorithms.*.haed", 'no algorithm of the scenario has a key "haed"; did you mean "head"?'),
        ("world.server.*.rate", "world.server is not a list, and * stands for the items of one"),
        ("algorithms.SFLL.head", 'algorithms has no "SFLL"; did you mean "SFL"?'),
        ("world.devices.5.count", 'world.devices has no "5" (allowed: raspberry-pi-4, jetson-nano, 0 to 1, or * for'),
        ("world.devices.raspberry-pi-5.count", 'has no "raspberry-pi-5"; did you mean "raspberry-pi-4"? (allowed: ras'),
        ("name.x", 'name is "tiny", which has no keys in it'),
    ],
)
def test_an_axis_that_applies_to_nobody(key: str, problem: str, write: Write) -> None:
    with pytest.raises(ScenarioError) as found:
        planned(write, axes={key: [1]})
    assert problem in str(found.value)
    assert f"sweep.yaml, line 4: axes.{key}: " in str(found.value)


def test_an_axis_that_names_no_key_is_refused_with_what_is_near(write: Write) -> None:
    with pytest.raises(ScenarioError) as found:
        planned(write, axes={"training.batchsize": [8, 16]})
    assert "sweep.yaml, line 4: axes.training.batchsize: " in str(found.value)
    assert 'there is no such key; did you mean "batch_size"?' in str(found.value)


def test_a_base_scenario_that_is_not_there(write: Write) -> None:
    with pytest.raises(ScenarioError, match=r"sweep.yaml, line 2: scenario: there is no file .*none.yaml"):
        planned(write, scenario="none.yaml", axes={"a": [1]})


@pytest.mark.parametrize(
    ("override", "key"),
    [("training.rounds=3", "training.rounds"), ("world.devices.0.count=3", "world.devices.raspberry-pi-4.count")],
)
def test_an_axis_cannot_be_set(override: str, key: str, write: Write) -> None:
    with pytest.raises(ScenarioError, match=f"--set {override}: this is an axis"):
        planned(write, override, axes={key: [1, 2]})


def test_points_that_do_not_matter_to_an_algorithm_share_its_trial(write: Write) -> None:
    plan = planned(write, axes={"algorithms.*.head": [0, 1]}, seeds=[0, 3])
    assert [(row.point, row.label, row.seed) for row in plan.rows] == [
        (point, label, seed) for point in (0, 1) for label in ("FL", "SFL") for seed in (0, 3)
    ]
    first, second, third, fourth = hashes(plan, "FL")
    assert (first, second) == (third, fourth)
    assert first != second
    assert len(set(hashes(plan, "SFL"))) == 4
    assert set(plan.trials) == {row.trial for row in plan.rows}
    assert len(plan.trials) == 6


def test_a_trial_is_of_one_algorithm_and_one_seed(write: Write) -> None:
    plan = planned(write, axes={"training.batch_size": [8]}, seeds=[0, 3])
    for row in plan.rows:
        scenario = plan.trials[row.trial].scenario
        assert [entry.label for entry in scenario.algorithms] == [row.label]
        assert scenario.seeds == (row.seed,)
        assert scenario.training.batch_size == 8


def test_the_same_trial_has_the_same_name_however_it_is_reached(write: Write) -> None:
    first = planned(write, axes={"training.batch_size": [8, 16]})
    second = planned(write, axes={"training.rounds": [1]}, set={"training.batch_size": 16}, seeds=[0])
    assert {row.trial for row in second.rows} == {
        row.trial for row in first.rows if row.values["training.batch_size"] == 16
    }


@pytest.mark.parametrize("change", ["threads=2", "target_accuracy=0.5", "world.server.slots=2", "seeds=[1]"])
def test_whatever_is_changed_makes_another_trial(change: str, write: Write) -> None:
    axes = {"training.batch_size": [8]}
    plain, changed = planned(write, axes=axes), planned(write, change, axes=axes)
    assert not {row.trial for row in plain.rows} & {row.trial for row in changed.rows}


def test_so_do_a_dry_run_and_another_version(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    axes = {"training.batch_size": [8]}
    plain, real = planned(write, axes=axes), planned(write, axes=axes, dry=False)
    monkeypatch.setattr(identity, "_version", lambda _: "0.0.0")
    newer = planned(write, axes=axes)
    names = [{row.trial for row in plan.rows} for plan in (plain, real, newer)]
    assert len(set.union(*names)) == sum(map(len, names))


def test_a_link_given_to_all_groups_is_changed_in_one_alone(write: Write) -> None:
    link = {"rate": "8 Mbit/s"}
    plan = planned(
        write, set={"world.devices.*.uplink": link}, axes={"world.devices.raspberry-pi-4.uplink.rate": ["16 Mbit/s"]}
    )
    groups = plan.trials[plan.rows[0].trial].scenario.world.devices
    assert [group.uplink.rate for group in groups] == [2e6, 1e6]


def test_a_point_that_is_no_scenario_is_named_and_the_others_are_there(write: Write) -> None:
    plan = planned(write, axes={"training.batch_size": [8, 0, 16]})
    assert list(plan.problems) == [1]
    assert "training.batch_size is 0: it must be more than 0" in plan.problems[1]
    assert [(row.trial, row.label) for row in plan.rows if row.point == 1] == [("", "FL"), ("", "SFL")]
    assert len(plan.trials) == 4


def test_a_trial_that_only_the_model_refuses(write: Write) -> None:
    plan = planned(write, axes={"algorithms.*.head": [1, 9]})
    (bad,) = [row for row in plan.rows if plan.problem(row)]
    assert (bad.label, bad.point) == ("SFL", 1)
    assert "algorithms.SFL.head is 9: " in (plan.problem(bad) or "")
    assert bad.trial not in plan.trials


HALL = {"name": "rtx-4090", "devices": ["raspberry-pi-4"]}


@pytest.mark.parametrize(
    ("key", "good", "bad", "driver", "problem"),
    [
        ("world.edges", [HALL], [], {"name": "hierarchical"}, "the world has no edges"),
        (
            "world.server.uplink",
            {"rate": "1 Gbit/s"},
            {"rate": "1 Gbit/s", "signal": {"name": "trace", "file": "nowhere.csv"}},
            {"name": "synchronous"},
            "nowhere.csv",
        ),
        (
            "world.devices.*.uplink.rate",
            "20 Mbit/s",
            "1 bit/s",
            {"name": "deadline", "seconds": "1 h"},
            "no device could be done by then",
        ),
    ],
)
def test_what_the_check_reads_of_the_world_is_checked_at_each_point(
    key: str, good: Any, bad: Any, driver: dict[str, Any], problem: str, write: Write
) -> None:
    """The good point comes first, so that its check could be taken for that of the bad one."""
    plan = planned(write, set={"training.driver": driver}, axes={key: [good, bad]})
    assert {bool(plan.problem(row)) for row in plan.rows if row.point == 0} == {False}
    assert all(problem in (plan.problem(row) or "") for row in plan.rows if row.point == 1)


def test_points_whose_difference_no_check_reads_are_checked_once(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = []
    monkeypatch.setattr(points, "_check", lambda scenario, index, seed, dry: checked.append(index))
    planned(write, axes={"world.server.slots": [1, 2, 3], "prices.gpu": ["1 USD/h", "2 USD/h"]})
    assert checked == [0, 1]


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        (["world.devices.jetson-nano.uplink", "world.devices.*.uplink"], "world.devices.1.uplink"),
        (["world.devices.0.uplink", "world.devices.raspberry-pi-4.uplink"], "world.devices.0.uplink"),
        (["world.devices.0.uplink.rate", "world.devices.0.uplink"], "world.devices.0.uplink"),
        (["algorithms", "algorithms.SFL.head"], "algorithms"),
    ],
)
def test_axes_that_set_the_same_place_are_refused(keys: list[str], place: str, write: Write) -> None:
    sweep = load(write(axes={key: ["lte", "wifi-6"] for key in keys}))
    with pytest.raises(ScenarioError) as told:
        points.plan(sweep, points.base(sweep), dry=True)
    first, second = keys
    problem = f"the axis {first} sets {place}, too: one of {first} and {second} would be lost"
    assert str(told.value).endswith(f"{second}: {problem}")
