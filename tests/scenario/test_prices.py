"""What a scenario says of prices and carbon, and what it may not say: one clear message each."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

from simulator.scenario.carbon import CarbonSettings
from simulator.scenario.prices import PriceSettings
from simulator.scenario.scenario import Scenario, ScenarioError, load
from simulator.settings.errors import UnfitError
from simulator.settings.seeds import Seeds

PRICES = (
    "prices={gpu: 0.70 USD/h, billing: used, egress: 0.09 USD/GB, "
    "cellular: {jetson-nano: 3 USD/GB}, electricity: {server: 0.10 USD/kWh, devices: 0.30 USD/kWh}}"
)
CARBON = "carbon={intensity: {server: 400 g/kWh, devices: 300 g/kWh}, signal: {name: periodic, period: 24 h}}"


def again(scenario: Scenario, file: Path) -> Scenario:
    file.write_text(scenario.resolved())
    return load(file)


def test_what_is_not_given_is_not_written(file: Path) -> None:
    assert not {"prices", "carbon"} & load(file).model_dump(mode="json").keys()


def test_what_is_given_is_written_and_read_again(file: Path) -> None:
    scenario = load(file, [PRICES, CARBON])
    assert scenario.prices is not None
    assert again(scenario, file) == scenario
    assert scenario.prices.model_dump(mode="json") == {
        "gpu": "0.7 USD/h",
        "billing": "used",
        "egress": "0.09 USD/GB",
        "cellular": {"jetson-nano": "3 USD/GB"},
        "electricity": {"server": "0.1 USD/kWh", "devices": "0.3 USD/kWh"},
    }


def test_prices_of_a_group_and_of_all_groups() -> None:
    one = PriceSettings.model_validate({"cellular": {"phone": "2 USD/MB"}, "electricity": {"edges": "1 USD/J"}})
    assert one.prices(["phone", "tablet"]).cellular == {"phone": 2e-6}
    assert one.prices(["phone"]).electricity == {"edge": 1}
    every = PriceSettings.model_validate({"cellular": "2 USD/MB", "electricity": "1 USD/J", "gpu": "1 USD/s"})
    assert every.prices(["phone", "tablet"]).cellular == {"phone": 2e-6, "tablet": 2e-6}
    assert every.prices([]).electricity == {"server": 1, "edge": 1, "device": 1}
    assert every.prices([]).gpu == {"server": 1, "edge": 0}


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("prices={gpu: 0.7}", "prices.gpu is 0.7: it has no unit. Write an hourly price as a number with a unit"),
        ("prices={gpu: 0.7 EUR/h}", '"EUR/h" is not a unit of hourly price: money is in USD'),
        ("prices={gpu: -1 USD/h}", 'prices.gpu is "-1 USD/h": it is negative'),
        (
            "prices={billing: hourly}",
            'prices.billing is "hourly": it is not one of those allowed (allowed: held, used)',
        ),
        ("prices={egres: 1 USD/GB}", 'prices.egres is "1 USD/GB": there is no such key; did you mean "egress"?'),
        (
            "prices={cellular: {jetson-nanno: 3 USD/GB}}",
            "prices.cellular.jetson-nanno: the world has no such group of devices; did you mean "
            '"jetson-nano"? (allowed: raspberry-pi-4, jetson-nano)',
        ),
        ("prices={cellular: {jetson-nano: 3}}", "prices.cellular.jetson-nano is 3: it has no unit"),
        ("prices={electricity: 0.3}", "prices.electricity is 0.3: it has no unit"),
        (
            "prices={electricity: {device: 1 USD/kWh}}",
            'prices.electricity.device is "1 USD/kWh": there is no such key; did you mean "devices"? '
            "(allowed: server, edges, devices)",
        ),
        ("carbon={}", "carbon.intensity: it is missing (allowed: an intensity such as 400 g/kWh)"),
        ("carbon={intensity: 400}", "carbon.intensity is 400: it has no unit. Write a carbon intensity"),
        ("carbon={intensity: {server: 1 g/kWh}}", "carbon.intensity.devices: it is missing"),
        (
            "carbon={signal: {name: periodic, period: 1 h}}",
            "carbon.intensity: it is missing: the signal is a factor on it",
        ),
        (
            "carbon={signal: {name: trace, points: [[0 s, 0.5]]}}",
            "carbon.intensity: it is missing: the signal is a factor on it",
        ),
        (
            "carbon={signal: {name: trace, points: [[0 s, 20 Mbit/s]]}}",
            '"Mbit/s" is not a unit of carbon intensity',
        ),
        (
            "carbon={intensity: 1 g/kWh, signal: {name: trace, points: [[0 s, 420]]}}",
            "carbon.signal.points.0 is 420.0: a number without a unit is a factor on the intensity: did you mean 420",
        ),
        (
            "carbon={intensity: 1 g/kWh, signal: {name: trace, points: [[0 s, 300 g/kWh], [1 h, 0.5]]}}",
            "carbon.signal.points.1 is 0.5: a trace gives intensities or factors, not both",
        ),
        (
            "carbon={signal: {name: trace, points: [[0 s, 300 g/kWh]], after: zero}}",
            'carbon.signal.after is "zero": it is not one of those allowed',
        ),
        (
            "carbon={signal: {name: trace, points: [[0 s, 300 g/kWh]], after: repeat}}",
            "carbon.signal.end: it is missing: after: repeat must know until when the last value holds",
        ),
        ("world.server.uplink={rate: 1 Gbit/s, signal: {name: trace, points: [[0 s, 300 g/kWh]]}}", "not a unit of"),
    ],
)
def test_one_clear_message(file: Path, override: str, said: str) -> None:
    with pytest.raises(ScenarioError) as error:
        load(file, [override])
    assert said in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def carbon(**said: Any) -> CarbonSettings:
    return CarbonSettings.model_validate(said)


def trace(**said: Any) -> dict[str, Any]:
    return {"name": "trace", **said}


def kg_per_kwh(settings: CarbonSettings, role: str, moment: float) -> float:
    grid = settings.grid(Seeds(0))
    return grid.intensity[role] * (grid.factor.at(moment) if grid.factor else 1) * 3.6e6


def test_intensities_by_place() -> None:
    settings = carbon(intensity={"server": "400 g/kWh", "devices": "300 g/kWh"})
    found = {role: kg_per_kwh(settings, role, 0) for role in ("server", "edge", "device")}
    assert found == pytest.approx({"server": 0.4, "edge": 0.4, "device": 0.3})


def test_a_signal_is_a_factor_on_the_intensity() -> None:
    settings = carbon(intensity="400 g/kWh", signal={"name": "periodic", "period": "24 h", "low": 0.5})
    assert [kg_per_kwh(settings, "server", hour * 3600) for hour in (0, 12)] == pytest.approx([0.4, 0.2])


@pytest.mark.parametrize("points", [[["0 s", 0.5], ["1 h", 2]], [["0 s", "200 g/kWh"], ["1 h", "0.8 kg/kWh"]]])
def test_a_trace_of_factors_and_one_of_intensities(points: list[Any]) -> None:
    settings = carbon(intensity="400 g/kWh", signal=trace(points=points))
    assert [kg_per_kwh(settings, "device", moment) for moment in (0, 3600)] == pytest.approx([0.2, 0.8])


@pytest.mark.parametrize("text", ["seconds,intensity\n0,200\n3600,800 g/kWh\n", "seconds,factor\n0,0.5\n3600,2\n"])
def test_a_trace_from_a_file(text: str, tmp_path: Path) -> None:
    (tmp_path / "grid.csv").write_text(text)
    settings = carbon(intensity="400 g/kWh", signal=trace(file=str(tmp_path / "grid.csv")))
    settings.check()
    assert [kg_per_kwh(settings, "edge", moment) for moment in (0, 3600)] == pytest.approx([0.2, 0.8])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seconds,rate\n0,5\n", "line 1: it begins with"),
        ("seconds,intensity\n0,-5\n", "line 2: "),
        ("seconds,factor\n0,1\n", "the signal is a factor on it"),
    ],
)
def test_a_file_that_cannot_be_used(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "grid.csv").write_text(text)
    with pytest.raises(UnfitError, match=re.escape(said)):
        carbon(signal=trace(file=str(tmp_path / "grid.csv"))).check()


POINTS = [["0 s", "300 g/kWh"], ["2 h", "200 g/kWh"]]


@pytest.mark.parametrize(
    ("said", "until"),
    [
        (trace(points=POINTS), 7200),
        (trace(points=POINTS, end="3 h"), 10800),
        (trace(points=POINTS, after="hold"), math.inf),
        (trace(points=POINTS, after="repeat", end="3 h"), math.inf),
    ],
)
def test_until_when_a_trace_is_known(said: dict[str, Any], until: float) -> None:
    settings = carbon(signal=said)
    assert settings.known_until == until
    assert carbon(**settings.model_dump(mode="json")) == settings


def test_a_trace_that_repeats() -> None:
    settings = carbon(signal=trace(points=POINTS, after="repeat", end="3 h"))
    assert [kg_per_kwh(settings, "server", hour * 3600) for hour in (0, 2, 3, 5)] == pytest.approx([0.3, 0.2] * 2)


def test_what_a_user_should_know() -> None:
    assert list(carbon(intensity="1 g/kWh").notices()) == []
    assert list(carbon(intensity="1 g/kWh", signal=trace(points=POINTS)).notices()) == [
        "intensity is not used: the signal is a trace of intensities",
        "the trace ends at 7200 s: a trial that lasts longer is refused",
    ]
