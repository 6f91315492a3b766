"""The catalogue: every figure says where it comes from, and fills what a scenario leaves out."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from simulator import catalogue
from simulator.scenario_world import DeviceSettings, ServerSettings

CUSTOM = {
    "name": "board",
    "rate": {"fp32": "2 GFLOP/s"},
    "memory_bandwidth": "1 GB/s",
    "memory": "1 GiB",
    "power": {"idle": "1 W", "compute": "3 W"},
}


def leaves(tree: Any) -> Iterator[Any]:
    if isinstance(tree, dict):
        for branch in tree.values():
            yield from leaves(branch)
    else:
        yield tree


def test_every_figure_has_a_mark_and_a_source() -> None:
    figures = list(leaves(catalogue.entries()))
    assert len(figures) > 30
    for figure in figures:
        assert isinstance(figure, catalogue.Figure)
        assert figure.source


@pytest.mark.parametrize("name", ["raspberry-pi-4", "jetson-nano", "jetson-orin-nx", "rtx-4090"])
def test_a_name_alone_is_a_device_and_a_server(name: str) -> None:
    assert DeviceSettings.model_validate({"name": name}).utilisation == 0.3
    assert ServerSettings.model_validate({"name": name}).utilisation == 0.4


def test_raspberry_pi_4_in_si() -> None:
    device = DeviceSettings.model_validate({"name": "raspberry-pi-4"})
    assert device.flops_per_s == pytest.approx(0.3 * 13.5e9, rel=1e-15)
    assert (device.memory_bandwidth, device.memory) == (4e9, 4 * 2**30)
    assert (device.power.idle, device.power.compute) == (2.7, 7.2)
    assert (device.uplink.rate, device.downlink.rate) == (20e6 / 8, 50e6 / 8)


def test_a_derived_figure_is_what_its_source_calculates() -> None:
    nano = catalogue.entries()["devices"]["jetson-nano"]["rate"]["fp32"]
    assert nano.mark == "derived"
    device = DeviceSettings.model_validate({"name": "jetson-nano"})
    assert device.rate["fp32"] == pytest.approx(128 * 2 * 0.921e9, rel=2e-3)


def test_what_the_scenario_says_counts() -> None:
    device = DeviceSettings.model_validate({"name": "jetson-nano", "rate": {"fp32": "1 GFLOP/s"}, "utilisation": 1})
    assert device.rate == {"fp32": 1e9, "fp16": 472e9}
    assert device.flops_per_s == 1e9


def test_a_link_that_is_said_stands_as_it_is() -> None:
    device = DeviceSettings.model_validate({"name": "jetson-nano", "uplink": {"rate": "8 Mbit/s"}})
    assert (device.uplink.rate, device.uplink.latency) == (1e6, 0.0)


def test_a_link_by_name_has_two_directions() -> None:
    device = DeviceSettings.model_validate({"name": "jetson-nano", "uplink": "lte", "downlink": "lte"})
    assert (device.uplink.rate, device.downlink.rate) == (10e6 / 8, 30e6 / 8)


def test_an_unknown_link_names_the_near_miss() -> None:
    with pytest.raises(ValidationError, match='there is no such link in the catalogue; did you mean "home-wifi"'):
        DeviceSettings.model_validate({"name": "jetson-nano", "uplink": "home-wify"})


def test_a_device_of_ones_own() -> None:
    device = DeviceSettings.model_validate(CUSTOM)
    assert device.flops_per_s == pytest.approx(0.6e9, rel=1e-15)


def test_sending_draws_idle_watts_where_nobody_says() -> None:
    power = DeviceSettings.model_validate(CUSTOM).power
    assert (power.upload, power.download) == (1.0, 1.0)


def test_a_device_of_ones_own_must_say_all() -> None:
    with pytest.raises(ValidationError, match=r"not in the catalogue .*, so it must say its memory, power itself"):
        DeviceSettings.model_validate({key: CUSTOM[key] for key in ("name", "rate", "memory_bandwidth")})


def test_a_misspelt_device_is_recognised() -> None:
    with pytest.raises(ValidationError, match='did you mean "raspberry-pi-4"'):
        DeviceSettings.model_validate({"name": "raspbery-pi-4"})


def test_a_precision_without_a_rate() -> None:
    with pytest.raises(ValidationError, match="it has no rate at this precision"):
        DeviceSettings.model_validate({"name": "raspberry-pi-4", "precision": "fp16"})
