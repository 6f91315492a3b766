"""What a scenario says of presences, batteries, dropouts and outages, and what it may not say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from simulator.scenario.faults import PHASES, BatterySettings, unknown_phases
from simulator.scenario.scenario import Scenario, ScenarioError, load
from tests.helpers.places import ROOT
from tests.helpers.toy_scenario import SCENARIO, use_toy_algorithms

DEVICE, SERVER = "world.devices.0", "world.server"
FAULTS = (
    "world.devices.0.presence={name: on_off, mean_present: 1 h, mean_absent: 20 min}",
    "world.devices.0.battery={capacity: 10 Wh, reserve: 0.1, charging: {power: 5 W, begin: 22 h, end: 6 h}}",
    "world.devices.1.dropout={model exchange: 0.05, training: 0.1}",
    "world.server.outages={between: 1 h, duration: 5 min, patience: 60 s}",
)


def message(file: Path, *overrides: str) -> str:
    with pytest.raises(ScenarioError) as error:
        load(file, overrides)
    return str(error.value)


def again(scenario: Scenario, file: Path) -> Scenario:
    file.write_text(scenario.resolved())
    return load(file)


def test_what_is_not_given_is_not_written(file: Path) -> None:
    world = load(file).model_dump(mode="json")["world"]
    keys = {key for site in (*world["devices"], world["server"]) for key in site}
    assert not keys & {"presence", "battery", "dropout", "outages"}


def test_what_is_given_is_written_and_read_again(file: Path) -> None:
    scenario = load(file, FAULTS)
    assert again(scenario, file) == scenario
    assert scenario.world.devices[0].battery is not None
    assert scenario.world.devices[0].battery.capacity == 36_000


def test_windows_are_written_and_read_again(file: Path) -> None:
    scenario = load(file, [f"{SERVER}.outages={{windows: [[10 min, 12 min], [1 h, 2 h]]}}"])
    assert again(scenario, file) == scenario
    assert scenario.world.server.outages is not None
    assert scenario.world.server.outages.windows == ((600, 720), (3600, 7200))


def test_a_trace_lies_beside_the_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_toy_algorithms(tmp_path, monkeypatch)
    (tmp_path / "toy.yaml").write_text(SCENARIO)
    (tmp_path / "trace.csv").write_text("start,end\n1,2\n")
    scenario = load(tmp_path / "toy.yaml", [f"{DEVICE}.presence={{name: trace, file: trace.csv}}"])
    assert getattr(scenario.world.devices[0].presence, "file") == str(tmp_path / "trace.csv")  # noqa: B009


def test_a_calm_scenario_is_the_one_without_faults(file: Path) -> None:
    plain = load(file)
    assert plain.calm() is plain
    assert load(file, FAULTS).calm() == plain


BATTERY = f"{DEVICE}.battery"


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (f"{DEVICE}.presence={{name: on_of}}", 'there is no presence named "on_of"; did you mean "on_off"?'),
        (f"{DEVICE}.presence=on_off", "it must be a mapping with a name, such as {name: on_off}"),
        (f"{DEVICE}.presence={{name: on_off, mean_present: 1 h}}", "presence.mean_absent: it is missing"),
        (
            f"{DEVICE}.presence={{name: on_off, mean_present: 0 s, mean_absent: 1 s}}",
            'presence.mean_present is "0 s": it is zero, and must be more than 0',
        ),
        (
            f"{DEVICE}.presence={{name: on_off, mean_present: -1 s, mean_absent: 1 s}}",
            'presence.mean_present is "-1 s": it is negative',
        ),
        (
            f"{DEVICE}.presence={{name: trace, file: none.csv}}",
            "it cannot be read as a trace: No such file or directory",
        ),
        (f"{BATTERY}={{capacity: 10 W}}", 'battery.capacity is "10 W": "W" is not a unit of energy'),
        (f"{BATTERY}={{capacity: 10 Wh, start: 1.2}}", "battery.start is 1.2: it must be at most 1"),
        (f"{BATTERY}={{capacity: 10 Wh, start: .nan}}", "battery.start is NaN: it must be a finite number"),
        (f"{BATTERY}={{capacity: 10 Wh, reserve: 1.0}}", "battery.reserve is 1.0: it must be less than 1"),
        (
            f"{BATTERY}={{capacity: 10 Wh, start: 0.1, reserve: 0.1}}",
            "battery.start is 0.1: the device would never take part: it starts at its reserve and is not charged "
            "(allowed: more than 0.1, at most 1)",
        ),
        (
            f"{BATTERY}={{capacity: 10 Wh, reserve: 0.2, resume: 0.2}}",
            "battery.resume is 0.2: the device would leave as soon as it is back (allowed: more than 0.2, at most 1)",
        ),
        (f"{BATTERY}={{capacity: 10 Wh, charging: {{power: 0 W}}}}", "battery.charging.power: it is zero"),
        (
            f"{BATTERY}={{capacity: 10 Wh, charging: {{power: 1 W, begin: 22 h}}}}",
            "battery.charging.begin: begin and end belong together (allowed: both, or neither for always)",
        ),
        (
            f"{BATTERY}={{capacity: 10 Wh, charging: {{power: 1 W, begin: 22 h, end: 25 h}}}}",
            "battery.charging.end: a day has no such hour (allowed: 0 h to 24 h)",
        ),
        (
            f"{BATTERY}={{capacity: 10 Wh, charging: {{power: 1 W, begin: 2 h, end: 2 h}}}}",
            "battery.charging.end: it is the hour of begin",
        ),
        (
            f"{BATTERY}={{capacity: 10 Wh, drain: 1 W, charging: {{power: 1 W}}}}",
            "battery.charging.power: it is charged with less in a day than it loses to the drain",
        ),
        (
            f"{BATTERY}={{capacity: 10 Wh, drain: 1 W, charging: {{power: 3 W, begin: 0 h, end: 1 h}}}}",
            "battery.charging.power: it is charged with less in a day than it loses to the drain",
        ),
        (f"{DEVICE}.dropout={{training: 1.5}}", "dropout.training is 1.5: it must be at most 1"),
        (f"{DEVICE}.dropout={{training: -0.5}}", "dropout.training is -0.5: it must be at least 0"),
        (f"{DEVICE}.dropout={{training: .nan}}", "dropout.training is NaN: it must be a finite number"),
        (f"{SERVER}.outages={{between: 1 h}}", "outages.duration: it is missing"),
        (f"{SERVER}.outages={{}}", "outages.between: it is missing (allowed: between and duration, or windows)"),
        (
            f"{SERVER}.outages={{between: 1 h, windows: [[1 s, 2 s]]}}",
            "outages.windows: outages come at random or at given times, not both",
        ),
        (f"{SERVER}.outages={{windows: []}}", "outages.windows: it holds no outage"),
        (f"{SERVER}.outages={{windows: [[2 s, 1 s]]}}", "an outage ends at 1 s, which is not after its start at 2 s"),
        (
            f"{SERVER}.outages={{windows: [[1 s, 5 s], [4 s, 6 s]]}}",
            "outages overlap: one starts at 4 s, before the one above it ends at 5 s",
        ),
        (
            f"{SERVER}.outages={{windows: [[5 s, 6 s], [1 s, 2 s]]}}",
            "they run backwards: an outage starts at 1 s, after one that starts at 5 s",
        ),
        (f"{SERVER}.presence={{name: always}}", "presence"),
        (f"{DEVICE}.outages={{between: 1 h, duration: 1 s}}", "outages"),
    ],
)
def test_what_cannot_be_is_refused_with_its_key(file: Path, override: str, said: str) -> None:
    text = message(file, override)
    assert said in text
    assert len(text.splitlines()) == 1


def test_a_battery_is_too_weak_if_a_full_one_cannot_do_a_batch() -> None:
    battery = BatterySettings(capacity="100 J", reserve=0.2)  # type: ignore[arg-type]
    assert battery.too_weak(80) == ""
    assert battery.too_weak(90) == "a full battery gives 80 J until its reserve, and one batch takes 90 J"


@pytest.mark.parametrize(
    ("reserve", "resume", "level"), [(0.1, None, 0.2), (0.95, None, 1.0), (0.1, 0.7, 0.7), (0.0, None, 0.1)]
)
def test_a_device_is_back_at_a_tenth_above_its_reserve_unless_told_otherwise(
    reserve: float, resume: float | None, level: float
) -> None:
    settings = BatterySettings(capacity="100 J", reserve=reserve, resume=resume)  # type: ignore[arg-type]
    assert settings.resumes_at == pytest.approx(level)


def test_the_phases_that_are_known_are_those_of_our_algorithms() -> None:
    sources = [path.read_text("utf-8") for path in (ROOT / "simulator").rglob("*.py")]
    assert {*PHASES, "aggregation"} == {
        name for source in sources for name in re.findall(r'\.phase\("([^"]+)"\)', source)
    }


def test_a_phase_that_none_of_our_algorithms_has_is_told() -> None:
    assert unknown_phases(["training", "trainig"]) == [
        'dropout: none of our algorithms has a phase "trainig"; did you mean "training"?'
    ]
