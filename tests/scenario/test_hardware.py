"""The catalogue: every figure says where it comes from, and fills what a scenario leaves out."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from simulator.accounting.costs import Cost, Piece
from simulator.scenario import hardware as catalogue
from simulator.scenario.scenario import Scenario, ScenarioError, load
from simulator.scenario.sites import DeviceSettings, ServerSettings
from simulator.world.hardware import Hardware
from tests.helpers.toy_scenario import SCENARIO, use_toy_algorithms

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


def test_every_figure_has_a_mark_a_source_and_a_date() -> None:
    figures = list(leaves(catalogue.entries()))
    assert len(figures) > 100
    for figure in figures:
        assert isinstance(figure, catalogue.Figure)
        assert figure.mark
        assert figure.source
        assert re.fullmatch(r"20[12]\d(-[01]\d)?", figure.date)


def test_devices_of_every_kind() -> None:
    assert set(catalogue.entries()["devices"]) >= {
        *("raspberry-pi-4", "raspberry-pi-5"),
        *("jetson-nano", "jetson-xavier-nx", "jetson-orin-nano", "jetson-orin-nx", "jetson-agx-orin"),
        *("galaxy-a52s", "galaxy-s23", "iphone-15-pro", "laptop-ryzen-ai-5-340"),
        *("rtx-3060", "rtx-4090", "a100", "h100", "h200"),
    }


def test_links_of_every_kind() -> None:
    wanted = ["home-wifi", "wifi-6", "lte", "5g", "fibre", "gigabit-ethernet", "nb-iot"]
    assert list(catalogue.entries()["links"]) == wanted


@pytest.mark.parametrize("name", catalogue.entries()["devices"])
def test_a_name_alone_is_a_device_and_a_server(name: str) -> None:
    known = catalogue.entries()
    for kind, role in ((DeviceSettings, "device"), (ServerSettings, "server")):
        stated = known["devices"][name].get("utilisation", known["defaults"][role]["utilisation"])
        values = {key: figure.value for key, figure in stated.items()} if isinstance(stated, dict) else stated.value
        assert kind.model_validate({"name": name}).utilisation == values


def test_a_utilisation_for_each_precision() -> None:
    shares = {"fp32": 0.5, "fp16": 0.25}
    data = CUSTOM | {"rate": {"fp32": "2 GFLOP/s", "fp16": "8 GFLOP/s", "bf16": "8 GFLOP/s"}, "utilisation": shares}
    assert DeviceSettings.model_validate(data).flops_per_s == 1e9
    half = DeviceSettings.model_validate(data | {"precision": "fp16"})
    assert (half.flops_per_s, half.width) == (2e9, 0.5)
    with pytest.raises(ValidationError, match="it has no utilisation at this precision"):
        DeviceSettings.model_validate(data | {"precision": "bf16"})


@pytest.mark.parametrize(
    ("name", "calculated"),
    [
        ("raspberry-pi-5", 4 * 16 * 2.4e9),
        ("jetson-nano", 128 * 2 * 0.921e9),
        ("jetson-xavier-nx", 384 * 2 * 1.1e9),
        ("jetson-orin-nano", 1024 * 2 * 0.625e9),
        ("jetson-orin-nx", 1024 * 2 * 0.918e9),
        ("galaxy-a52s", 384 * 2 * 0.49e9),
        ("laptop-ryzen-ai-5-340", 32 * (3 * 4.8e9 + 3 * 3.4e9)),
    ],
)
def test_a_derived_rate_is_what_its_source_calculates(name: str, calculated: float) -> None:
    assert catalogue.entries()["devices"][name]["rate"]["fp32"].mark == "derived"
    assert DeviceSettings.model_validate({"name": name}).rate["fp32"] == pytest.approx(calculated, rel=2e-3)


GAINED = {(2, 8): 0.832, (4, 8): 0.761, (8, 8): 0.707, (2, 32): 0.931, (4, 32): 0.858, (8, 32): 0.843}
"""By (works, samples of each): the seconds of a shared pass over those of as many passes, forward and backward through
the body of ViT-B/16 (10 of 12 blocks, frozen, 201 tokens), measured apart from the table on the same two H200."""


@pytest.mark.parametrize(("works", "samples"), GAINED)
def test_the_table_of_an_h200_predicts_what_shared_passes_gained(works: int, samples: int) -> None:
    server = ServerSettings.model_validate({"name": "h200"})
    hardware = Hardware(server.flops_per_s, batch_efficiency=server.batch_efficiency or ())
    cost = Cost(10**9, made_of=(Piece("block", samples, 10**9),))
    gained = hardware.together([cost] * works) / (works * hardware.seconds(cost))
    assert gained == pytest.approx(GAINED[works, samples], rel=0.08)


def test_a_board_in_si() -> None:
    device = DeviceSettings.model_validate(CUSTOM | {"utilisation": 0.3})
    assert device.flops_per_s == pytest.approx(0.3 * 2e9, rel=1e-15)
    assert (device.memory_bandwidth, device.memory) == (1e9, 2**30)
    assert (device.power.idle, device.power.compute) == (1, 3)
    assert (device.uplink.rate, device.downlink.rate) == (20e6 / 8, 50e6 / 8)


def test_what_the_scenario_says_counts() -> None:
    device = DeviceSettings.model_validate({"name": "jetson-nano", "rate": {"fp32": "1 GFLOP/s"}, "utilisation": 1})
    assert device.rate == {"fp32": 1e9, "fp16": 472e9}
    assert device.flops_per_s == 1e9


def test_a_link_that_is_said_stands_as_it_is() -> None:
    device = DeviceSettings.model_validate({"name": "jetson-nano", "uplink": {"rate": "8 Mbit/s"}})
    assert (device.uplink.rate, device.uplink.latency) == (1e6, 0.0)


def test_a_link_that_is_null_is_the_usual_one_with_what_is_said_of_it() -> None:
    device = DeviceSettings.model_validate({"name": "jetson-nano", "uplink": {"link": None, "loss": 0.1}})
    usual = DeviceSettings.model_validate({"name": "jetson-nano"})
    assert device.uplink == usual.uplink.model_copy(update={"loss": 0.1})


def test_a_link_by_name_has_two_directions() -> None:
    device = DeviceSettings.model_validate({"name": "jetson-nano", "uplink": "lte", "downlink": "lte"})
    assert (device.uplink.rate, device.downlink.rate) == (10e6 / 8, 30e6 / 8)


def test_an_unknown_link_names_the_near_miss() -> None:
    with pytest.raises(ValidationError, match='there is no such link in the catalogue; did you mean "home-wifi"'):
        DeviceSettings.model_validate({"name": "jetson-nano", "uplink": "home-wify"})


def test_a_device_of_ones_own() -> None:
    device = DeviceSettings.model_validate(CUSTOM)
    usual = catalogue.entries()["defaults"]["device"]["utilisation"].value
    assert device.flops_per_s == pytest.approx(usual * 2e9, rel=1e-15)


def test_sending_draws_idle_watts_where_nobody_says() -> None:
    power = DeviceSettings.model_validate(CUSTOM).power
    assert (power.upload, power.download) == (1.0, 1.0)


def test_a_device_of_ones_own_must_say_all() -> None:
    with pytest.raises(ValidationError, match=r"not in the catalogue .*, so it must give its memory, power itself"):
        DeviceSettings.model_validate({key: CUSTOM[key] for key in ("name", "rate", "memory_bandwidth")})


def test_a_misspelt_device_is_recognised() -> None:
    with pytest.raises(ValidationError, match='did you mean "raspberry-pi-4"'):
        DeviceSettings.model_validate({"name": "raspbery-pi-4"})


def test_a_precision_without_a_rate() -> None:
    with pytest.raises(ValidationError, match="it has no rate at this precision"):
        DeviceSettings.model_validate({"name": "raspberry-pi-4", "precision": "fp16"})


OWN = """\
devices:
  my-board:
    rate: {fp32: {value: 2 GFLOP/s, mark: measured, source: our bench, date: 2026-10}}
    utilisation: 0.5
    memory_bandwidth: 1 GB/s
    memory: {value: 1 GiB}
    power: {idle: 1 W, compute: 3 W}
    uplink: my-lan
  raspberry-pi-4:
    utilisation: 0.25
    power: {compute: 6 W}
links:
  my-lan: {uplink: {rate: 80 Mbit/s, latency: 1 ms}, downlink: {rate: 16 Mbit/s}}
  lte: {uplink: {rate: 8 Mbit/s}, downlink: {rate: 8 Mbit/s}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a scenario that uses a catalogue of its own, which is not the working directory."""
    use_toy_algorithms(tmp_path, monkeypatch)
    folder, elsewhere = tmp_path / "mine", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    with_own = SCENARIO.replace("world:\n", "world:\n  catalogue: my-devices.yaml\n")
    (folder / "toy.yaml").write_text(with_own.replace("{name: jetson-nano, uplink: lte}", "{name: my-board}"))
    (folder / "my-devices.yaml").write_text(OWN)
    return folder


def test_devices_and_links_of_ones_own(folder: Path) -> None:
    ours, board = load(folder / "toy.yaml").world.devices
    assert (board.rate, board.utilisation, board.memory, board.power.compute) == ({"fp32": 2e9}, 0.5, 2**30, 3)
    assert (board.uplink.rate, board.uplink.latency) == (10e6, 1e-3)
    assert board.downlink.rate == 50e6 / 8, "what it leaves out comes from our defaults"
    assert (ours.utilisation, ours.power.compute) == (0.25, 6), "its entries count where ours say something else"
    usual = DeviceSettings.model_validate({"name": "raspberry-pi-4"})
    assert (ours.rate, ours.power.idle) == (usual.rate, usual.power.idle), "what it leaves out of ours stays"


@pytest.mark.parametrize("own", ["my-lan", "{rate: 80 Mbit/s, latency: 1 ms}"])
def test_the_usual_link_of_ones_own_device_stays_but_for_what_is_set(folder: Path, own: str) -> None:
    file = folder / "my-devices.yaml"
    file.write_text(file.read_text().replace("uplink: my-lan", f"uplink: {own}"))
    uplink = load(folder / "toy.yaml", ["world.devices.my-board.uplink.loss=0.1"]).world.devices[1].uplink
    assert (uplink.rate, uplink.latency, uplink.loss) == (10e6, 1e-3, 0.1)


def test_a_link_of_ours_said_anew(folder: Path) -> None:
    scenario = load(folder / "toy.yaml", ["world.devices.1.uplink=lte"])
    assert scenario.world.devices[1].uplink.rate == 1e6
    assert scenario.world.devices[1].uplink.latency == 0.025, "what it leaves out of it stays"


def test_what_is_resolved_needs_no_catalogue_of_ones_own(folder: Path) -> None:
    scenario = load(folder / "toy.yaml")
    resolved = scenario.resolved()
    assert "catalogue" not in yaml.safe_load(resolved)["world"]
    Path("again.yaml").write_text(resolved)
    again = load("again.yaml")
    assert again == scenario
    assert again.resolved() == resolved


def test_nothing_of_it_remains(folder: Path) -> None:
    load(folder / "toy.yaml")
    assert "my-board" not in catalogue.entries()["devices"]
    (folder / "toy.yaml").write_text((folder / "toy.yaml").read_text().replace("catalogue: my-devices.yaml", ""))
    with pytest.raises(ScenarioError, match='"my-board" is not in the catalogue'):
        load(folder / "toy.yaml")


def test_from_the_working_directory_where_the_scenario_has_none(folder: Path) -> None:
    (folder / "my-devices.yaml").rename("beside.yaml")
    assert load(folder / "toy.yaml", ["world.catalogue=beside.yaml"]).world.devices[1].name == "my-board"


def test_from_python(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    data = yaml.safe_load(Path("toy.yaml").read_text())
    assert Scenario.model_validate(data).world.devices[1].rate == {"fp32": 2e9}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("1 GB/s", "1", "line 5: devices.my-board.memory_bandwidth is 1: it has no unit. Write a memory bandwidth as"),
        ("value: 2 GFLOP/s", "value: 2", "line 3: devices.my-board.rate.fp32 is 2: it has no unit. Write a computing"),
        ("1 GiB", "1 GHz", 'line 6: devices.my-board.memory is "1 GHz": "GHz" is not a unit of'),
        ("idle: 1 W", "idel: 1 W", 'line 7: devices.my-board.power.idel is "1 W": there is no such key; did you mean'),
        ("memory: {value", "memmory: {value", "line 6: devices.my-board.memmory: there is no such key; did you mean "),
        ("mark: measured", "mark: guessed", 'line 3: devices.my-board.rate.fp32.mark is "guessed": it is not one of'),
        ("2026-10", "2026", "line 3: devices.my-board.rate.fp32.date is 2026: it must be text; put it in quotes"),
        ("{value: 1 GiB}", "{source: me}", "line 6: devices.my-board.memory.value: it is missing"),
        ("fp32: {", "fp31: {", "line 3: devices.my-board.rate.fp31"),
        ("0.5", "1.5", "line 4: devices.my-board.utilisation is 1.5: it must be a number, more than 0 and at most 1"),
        ("uplink: my-lan", "uplink: 5", "line 8: devices.my-board.uplink is 5: it must be the name of a link, or a ma"),
        ("uplink: my-lan", "uplink: {rate: 5}", "line 8: devices.my-board.uplink.rate is 5: it has no unit."),
        (", downlink: {rate: 16 Mbit/s}", "", "line 13: links.my-lan.downlink: it is missing"),
        ("devices:", "device:", 'line 1: device: there is no such key; did you mean "devices"? (allowed: defaults, de'),
        ("links:", "links: [", "this is not complete, valid YAML"),
    ],
)
def test_a_file_that_is_wrong(folder: Path, old: str, new: str, said: str) -> None:
    own = folder / "my-devices.yaml"
    assert old in OWN
    own.write_text(OWN.replace(old, new, 1))
    with pytest.raises(ScenarioError) as error:
        load(folder / "toy.yaml")
    (message,) = str(error.value).splitlines()
    assert message.startswith(f'{folder / "toy.yaml"}, line 5: world.catalogue is "my-devices.yaml": {own}, line ')
    assert said in message


def test_every_problem_has_its_line(folder: Path) -> None:
    (folder / "my-devices.yaml").write_text(OWN.replace("1 GB/s", "1").replace("0.25", "0"))
    with pytest.raises(ScenarioError) as error:
        load(folder / "toy.yaml")
    first, second = str(error.value).splitlines()
    assert "devices.my-board.memory_bandwidth is 1" in first
    assert "devices.raspberry-pi-4.utilisation is 0" in second


def test_no_such_file(folder: Path) -> None:
    (folder / "my-devices.yaml").unlink()
    with pytest.raises(ScenarioError, match=r'world.catalogue is "my-devices.yaml": .*there is no such file'):
        load(folder / "toy.yaml")


def test_an_entry_that_does_not_say_all(folder: Path) -> None:
    (folder / "my-devices.yaml").write_text(OWN.replace("    memory: {value: 1 GiB}\n", ""))
    with pytest.raises(
        ScenarioError, match='does not have all figures of "my-board", so it must give its memory itself'
    ):
        load(folder / "toy.yaml")
    assert load(folder / "toy.yaml", ["world.devices.1.memory=2 GiB"]).world.devices[1].memory == 2 * 2**30


def test_the_catalogue_is_a_path(folder: Path) -> None:
    with pytest.raises(ScenarioError, match=r"--set world.catalogue=3: world.catalogue is 3: it must be text"):
        load(folder / "toy.yaml", ["world.catalogue=3"])


def test_a_link_that_nobody_knows_names_those_of_ones_own(folder: Path) -> None:
    with pytest.raises(ScenarioError, match='there is no such link in the catalogue; did you mean "my-lan"'):
        load(folder / "toy.yaml", ["world.devices.1.uplink=my-lann"])
