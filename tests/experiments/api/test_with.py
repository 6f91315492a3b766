"""A scenario with other values of some keys, and a scenario from a mapping."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

import simulator as sf
from tests.helpers.places import ROOT
from tests.helpers.small_sweeps import SCENARIO


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "tiny.yaml").write_text(SCENARIO)
    return tmp_path / "tiny.yaml"


def test_values_are_those_that_set_gives(file: Path) -> None:
    overrides = ["training.rounds=3", "world.server.slots=2", "algorithms.SFL.head=2", "model={name: bundled}"]
    changed = sf.load(file).with_(
        {"algorithms.SFL.head": 2, "model": {"name": "bundled"}}, training__rounds=3, world__server__slots=2
    )
    assert changed == sf.load(file, overrides)


def test_the_scenario_itself_stays_as_it_was(file: Path) -> None:
    scenario = sf.load(file)
    scenario.with_({"world.devices.0.count": 9}).with_(training__rounds=3)
    assert scenario == sf.load(file)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("training.rounds", "0"),
        ("training.round", "3"),
        ("world.server.name.slots", "2"),
        ("algorithms.SFPrompt.head", "1"),
        ("world.devices.7.count", "1"),
        ("training.clients_per_round", "99"),
    ],
)
def test_a_message_is_that_of_set_but_for_its_name(file: Path, key: str, value: str) -> None:
    with pytest.raises(sf.ScenarioError) as set_error:
        sf.load(file, [f"{key}={value}"])
    with pytest.raises(sf.ScenarioError) as with_error:
        sf.load(file).with_({key: int(value)})
    assert str(with_error.value) == str(set_error.value).replace("--set", "with")


def test_an_empty_key_is_refused(file: Path) -> None:
    with pytest.raises(sf.ScenarioError, match=r'^with "": write a key, such as training\.rounds$'):
        sf.load(file).with_({"": 1})


def test_values_of_numpy_and_paths_are_plain(file: Path, tmp_path: Path) -> None:
    changed = sf.load(file).with_(training__rounds=np.int64(3), seeds=range(2), model__weights=tmp_path / "w.pt")
    assert (changed.training.rounds, changed.seeds, changed.model.weights) == (3, (0, 1), str(tmp_path / "w.pt"))


def test_what_was_changed_since_the_file_was_read_stays_changed(file: Path) -> None:
    scenario = sf.load(file, ["world.devices.0.dropout={upload: 0.5}"])
    assert scenario.calm().with_(training__rounds=3) == scenario.with_(training__rounds=3).calm()
    assert scenario.calm() != scenario


def test_a_mapping_is_read_as_its_file(file: Path) -> None:
    assert sf.load(yaml.safe_load(SCENARIO)) == sf.load(file)


def test_a_message_on_a_mapping_names_no_line(file: Path) -> None:
    wrong = yaml.safe_load(SCENARIO)
    wrong["training"]["rounds"] = 0
    with pytest.raises(sf.ScenarioError) as raised:
        sf.load(wrong)
    assert str(raised.value) == "the mapping: training.rounds is 0: it must be more than 0"
    wrong["algorithms"][0]["training"]["rounds"] = -1
    with pytest.raises(sf.ScenarioError, match=r"the mapping: algorithms\.FL\.training\.rounds is -1: it must be"):
        sf.load(wrong)


def test_a_mapping_is_not_changed(tmp_path: Path) -> None:
    mapping = yaml.safe_load(SCENARIO)
    sf.load(mapping, ["training.rounds=3"]).with_({"world.devices.0.count": 9})
    assert mapping == yaml.safe_load(SCENARIO)


def test_ipython_shows_a_message_in_place_of_a_traceback(file: Path, tmp_path: Path) -> None:
    """Also a notebook, which asks the exception in the same way."""
    code = f"import simulator as sf; sf.load({str(file)!r}).with_(training__rounds=0)"
    command = [sys.executable, "-m", "IPython", "--HistoryManager.enabled=False", "-c", code]
    environment = os.environ | {"IPYTHONDIR": str(tmp_path / "ipython"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    said = f"ScenarioError: {file}, with training.rounds=0: training.rounds is 0: it must be more than 0"
    assert (done.stdout + done.stderr).split("\n") == [said, ""]
