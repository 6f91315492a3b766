"""Values relative to the scenario: what they become, in which unit, and what they cannot change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from analysis import load_sweep
from simulator.experiments.sweep import points
from simulator.experiments.sweep.points import Plan
from simulator.experiments.sweep.relative import Relative, as_said, values_of
from simulator.experiments.sweep.settings import load
from simulator.settings.errors import ScenarioError
from tests.helpers.small_sweeps import Write, swept

LEARNING_RATE = "training.optimizer.learning_rate"


def planned(write: Write, *overrides: str, **said: Any) -> Plan:
    sweep = load(write(**said))
    return points.plan(sweep, points.base(sweep, overrides), dry=True)


@pytest.mark.parametrize("reverse", [False, True])
def test_outer_keys_are_changed_before_those_within_them_whatever_their_order(reverse: bool, write: Write) -> None:
    """FL trains 1 round, doubled by the outer axis and again by its own; SFL has the outer one's."""
    axes = {"training.rounds": {"times": [2]}, "algorithms.FL.training.rounds": {"times": [2]}}
    plan = planned(write, axes=dict(sorted(axes.items(), reverse=reverse)))
    rounds = {row.label: plan.trials[row.trial].scenario.algorithms[0].training.rounds for row in plan.rows}
    assert rounds == {"FL": 4, "SFL": 2}


def rates(plan: Plan) -> list[list[float]]:
    """The rates of the uplinks of all groups in Mbit/s, at each point."""
    first = {row.point: row.trial for row in reversed(plan.rows)}
    return [
        [group.uplink.rate * 8 / 1e6 for group in plan.trials[first[point]].scenario.world.devices]
        for point in sorted(first)
    ]


@pytest.mark.parametrize(
    ("way", "by", "value", "wanted"),
    [
        ("times", 0.2, "20 Mbit/s", "4 Mbit/s"),
        ("times", 0.1, "3 ms", "0.3 ms"),  # in floats 0.30000000000000004
        ("times", 1.5, 12, 18),
        ("times", 0.5, 5, 2.5),
        ("times", 2, 0.05, 0.1),
        ("plus", "5 ms", "20 ms", "25 ms"),
        ("plus", "-5 ms", "20 ms", "15 ms"),
        ("plus", "0.5 s", "20 ms", "520 ms"),
        ("plus", "1 MB/s", "8 Mbit/s", "16 Mbit/s"),
        ("plus", "5 ms", "0 s", "5 ms"),
        ("plus", -2, 12, 10),
        ("plus", 0.1, 0.2, 0.3),  # in floats 0.30000000000000004
    ],
)
def test_a_number_changes_and_keeps_its_unit(way: Any, by: Any, value: Any, wanted: Any) -> None:
    changed = Relative(way, by).of(value)
    assert (changed, type(changed)) == (wanted, type(wanted))


@pytest.mark.parametrize(
    ("way", "by", "value", "problem"),
    [
        ("times", 2, "digits", 'is "digits" in the scenario, and times changes only numbers'),
        ("times", 2, "3 horses", 'is "3 horses" in the scenario, and times changes only numbers'),
        ("plus", 2, True, "is true in the scenario, and plus changes only numbers"),
        ("times", 2, None, "has no value in the scenario, and times changes only numbers"),
        ("times", 2, [1, 2], "is [1, 2] in the scenario"),
        ("times", 2, {"fp32": "1 GFLOP/s", "fp16": "2 GFLOP/s"}, "has no number of its own, only fp32, fp16: name one"),
        ("plus", 5, "20 ms", 'is "20 ms" in the scenario, to which 5 cannot be added: write a duration, such as 25 ms'),
        ("plus", "5 MB", "20 ms", "to which 5 MB cannot be added: write a duration"),
        ("plus", "5 ms", 12, "is 12 in the scenario, to which 5 ms cannot be added: write it without a unit"),
    ],
)
def test_what_cannot_be_changed_is_said(way: Any, by: Any, value: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=r".") as found:
        Relative(way, by).of(value)
    assert problem in str(found.value)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"times": [0.2, 1, 5.0]}, ["×0.2", "×1", "×5"]),
        ({"times": 2}, ["×2"]),
        ({"times": {"log": [0.1, 10], "points": 3}}, ["×0.1", "×1", "×10"]),
        ({"plus": ["-5 ms", "0 ms", "5 ms"]}, ["-5 ms", "+0 ms", "+5 ms"]),
        ({"plus": {"range": [0, 4], "step": 2}}, ["+0", "+2", "+4"]),
    ],
)
def test_an_axis_of_changes(said: Any, wanted: list[str]) -> None:
    values = values_of(said)
    assert list(map(str, values)) == wanted
    assert values_of(as_said(values)) == values


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"times": ["fast"]}, 'times takes numbers, such as 0.2: "fast" is not a number'),
        ({"times": ["5 ms"]}, 'times takes numbers, such as 0.2: "5 ms" is not a number'),
        ({"times": [True]}, "times takes numbers, such as 0.2: true is not a number"),
        ({"times": [float("inf")]}, "times takes numbers"),
        ({"plus": ["1e999 ms"]}, 'plus takes amounts, such as 2 or 5 ms: "1e999 ms" is not an amount'),
        ({"plus": ["5 parsecs"]}, 'plus takes amounts, such as 2 or 5 ms: "5 parsecs" is not an amount'),
        ({"times": [1], "plus": [1]}, "times and plus stand alone"),
        ({"times": []}, "the axis is empty"),
        ({"times": [1, 1.0]}, "×1 is listed twice"),
    ],
)
def test_a_change_that_is_none(said: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=r".") as found:
        values_of(said)
    assert problem in str(found.value)


def test_a_misspelt_way_is_named() -> None:
    with pytest.raises(ValidationError) as found:
        values_of({"tmes": [1, 2]})
    assert 'did you mean "times"?' in str(found.value)


@pytest.mark.parametrize(
    ("links", "key", "wanted"),
    [
        (None, "raspberry-pi-4", [[4, 20], [20, 20], [100, 20]]),
        (None, "*", [[4, 4], [20, 20], [100, 100]]),
        ("lte", "*", [[2, 2], [10, 10], [50, 50]]),
        ({"link": "lte", "loss": 0.1}, "jetson-nano", [[10, 2], [10, 10], [10, 50]]),
    ],
)
def test_groups_and_named_links(links: Any, key: str, wanted: list[list[float]], write: Write) -> None:
    change = {"world.devices.*.uplink": links} if links else {}
    plan = planned(write, set=change, axes={f"world.devices.{key}.uplink.rate": {"times": [0.2, 1, 5]}})
    assert rates(plan) == wanted


def test_what_the_file_leaves_out_has_a_value_too(write: Write) -> None:
    """The downlinks are those of the catalogue, 50 Mbit/s and 5 ms; the loss is 0, the rounds are the scenario's."""
    axes = {
        "world.devices.jetson-nano.downlink.rate": {"times": [0.5]},
        "world.devices.jetson-nano.downlink.latency": {"plus": ["5 ms"]},
        "world.devices.jetson-nano.downlink.loss": {"plus": [0.25]},
        "world.devices.jetson-nano.power.compute": {"times": [2]},
        "algorithms.FL.training.rounds": {"plus": [2]},
    }
    plan = planned(write, axes=axes)
    scenario = plan.trials[plan.rows[0].trial].scenario
    pi, nano = scenario.world.devices
    assert (nano.downlink.rate, nano.downlink.latency, nano.downlink.loss) == (25e6 / 8, 0.01, 0.25)
    assert (pi.downlink.rate, pi.downlink.latency, pi.downlink.loss) == (50e6 / 8, 0.005, 0.0)
    assert nano.power.compute == 20
    assert scenario.algorithms[0].training.rounds == 3


@pytest.mark.parametrize("changed", ["uplink.rate", "downlink.rate", "downlink.latency", "memory", "power.idle"])
def test_a_factor_of_one_changes_nothing(changed: str, write: Write) -> None:
    plain = planned(write, axes={"threads": [1]})
    plan = planned(write, axes={f"world.devices.*.{changed}": {"times": [1]}})
    assert [row.trial for row in plan.rows] == [row.trial for row in plain.rows]


def test_a_change_is_relative_to_the_other_axes_and_to_what_is_set(write: Write) -> None:
    key = "world.devices.*.uplink"
    plan = planned(write, axes={f"{key}.rate": {"times": [0.5, 2]}, key: ["lte", "wifi-6"]})
    lte, wifi = 10, rates(planned(write, axes={key: ["wifi-6"]}))[0][0]
    assert rates(plan) == [[lte / 2] * 2, [wifi / 2] * 2, [lte * 2] * 2, [wifi * 2] * 2]
    axes = {f"{key}.rate": {"times": [2]}}
    assert rates(planned(write, f"{key}.rate=7 Mbit/s", axes=axes)) == [[14, 14]]
    assert rates(planned(write, set={f"{key}.rate": "9 Mbit/s"}, axes=axes)) == [[18, 18]]


def test_changes_of_one_number_add_up(write: Write) -> None:
    axes = {"world.devices.*.uplink.rate": {"times": [2]}, "world.devices.jetson-nano.uplink.rate": {"times": [3]}}
    assert rates(planned(write, axes=axes)) == [[40, 120]]


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("data.name", 'data.name is "synthetic" in the scenario, and times changes only numbers'),
        (
            "world.devices.jetson-nano.rate",
            "world.devices.jetson-nano.rate has no number of its own, only fp32, fp16: name one of",
        ),
        ("world.server.uplink", "world.server.uplink has no number of its own, only rate, latency: name one of them"),
        ("evaluation.clients", "evaluation.clients has no value in the scenario, and times changes only numbers"),
        (
            "world.devices.jetson-nan.uplink.rate",
            'world.devices has no "jetson-nan"; did you mean "jetson-nano"? (allowed: ras',
        ),
    ],
)
def test_an_axis_that_changes_no_number_is_one_message(key: str, problem: str, write: Write) -> None:
    with pytest.raises(ScenarioError) as found:
        planned(write, axes={key: {"times": [1, 2]}})
    assert f"sweep.yaml, line 4: axes.{key}: {problem}" in str(found.value)
    assert len(str(found.value).splitlines()) == 1


def test_a_number_that_becomes_too_large_is_one_message(write: Write) -> None:
    with pytest.raises(ScenarioError, match=r"learning_rate is 1e\+55: it must be at most 1e\+06"):
        planned(write, "training.optimizer.learning_rate=1e5", axes={LEARNING_RATE: {"times": [1e50]}})


def test_a_point_with_half_a_round_is_no_scenario(write: Write) -> None:
    plan = planned(write, axes={"training.rounds": {"times": [0.5, 3]}})
    assert list(plan.problems) == [0]
    assert "training.rounds is 0.5: it must be a whole number" in plan.problems[0]


def test_the_folder_says_the_changes_and_draws_them_as_numbers(write: Write, tmp_path: Path) -> None:
    key = "world.devices.*.uplink.rate"
    together = {"world.server.uplink.latency": {"plus": ["5 ms", "0 ms"]}, "training.batch_size": [8, 16]}
    folder = swept(write(axes={key: {"times": [5, 0.2, 1]}}, zip=[together]))
    described = yaml.safe_load((folder / "sweep.yaml").read_text())
    assert described["axes"] == {key: {"times": [5, 0.2, 1]}}
    assert described["zip"] == [together]
    rate, latency, _ = load_sweep(folder).axes
    assert (rate.values, rate.texts) == ((0.2, 1.0, 5.0), ("×0.2", "×1", "×5"))
    assert (latency.values, latency.texts) == ((0.0, 0.005), ("+0 ms", "+5 ms"))
