"""Generic names of devices, such as "phone", and the entries of the catalogue for which they stand."""

import re
from pathlib import Path

import pytest

from simulator.scenario import hardware as catalogue
from simulator.scenario.sites import DeviceSettings


def test_a_generic_name_has_the_figures_of_the_device_that_it_stands_for() -> None:
    known = catalogue.entries()
    assert known["generic"].keys() == {"phone", "laptop", "jetson"}
    for name in known["generic"]:
        meant = catalogue.stands_for(name)
        assert meant is not None
        assert catalogue.stands_for(meant) is None
        own, other = (
            DeviceSettings.model_validate({"name": one}).model_dump(exclude={"name"}) for one in (name, meant)
        )
        assert own == other


def test_a_generic_name_can_stand_for_a_device_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    board = "{rate: {fp32: 3 GFLOP/s}, memory_bandwidth: 1 GB/s, memory: 1 GiB, power: {idle: 1 W, compute: 2 W}}"
    file.write_text(f"devices: {{board: {board}}}\ngeneric: {{phone: board}}\n")
    with catalogue.joined(str(file)):
        assert catalogue.stands_for("phone") == "board"
        assert catalogue.entries()["devices"]["phone"]["rate"]["fp32"].value == "3 GFLOP/s"
    assert catalogue.stands_for("phone") == "galaxy-a52s"


def test_a_device_of_ones_own_can_have_a_generic_name(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("devices: {phone: {memory: 1 GiB}}\n")
    with catalogue.joined(str(tmp_path / "own.yaml")):
        assert catalogue.stands_for("phone") is None
        assert catalogue.entries()["devices"]["phone"]["memory"].value == "1 GiB"


def test_a_generic_name_that_stands_for_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("generic: {tablet: galaxy-s32}\n")
    said = (
        'the generic name "tablet" stands for "galaxy-s32", which is not in the catalogue; did you mean "galaxy-s23"?'
    )
    with catalogue.joined(str(tmp_path / "own.yaml")), pytest.raises(ValueError, match=re.escape(said)):
        catalogue.entries()
