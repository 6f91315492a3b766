"""`sfsim init`: the scenario it writes is valid, whatever is chosen; a wrong choice is one message and no file."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow
import pytest
import yaml
from PIL import Image
from pyarrow import parquet

from simulator.cli import init
from simulator.experiments.trial.validate import check
from simulator.scenario.scenario import load
from simulator.settings.plugins import ALGORITHMS
from tests.helpers.commands import Sfsim, files
from tests.helpers.inits import written


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def images(root: str, classes: str, count: int) -> None:
    for number, name in enumerate(classes.split()):
        folder = Path(root, name)
        folder.mkdir(parents=True)
        for index in range(count):
            Image.new("RGB", (8, 8), (number, index, 0)).save(folder / f"{index}.png")


def test_without_any_choice_it_is_a_valid_scenario_and_says_what_to_run_next(sfsim: Sfsim, tmp_path: Path) -> None:
    status, out, err = sfsim("init")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "Wrote scenario.yaml, to run on 10 devices: fedavg, splitfed, sfprompt.",
        "Next: sfsim run scenario.yaml --dry   (all but accuracy, without training)",
        "Then: sfsim run scenario.yaml",
    ]
    assert files(tmp_path) == ["scenario.yaml"]
    assert sfsim("validate", "scenario.yaml")[0] == 0
    text = Path("scenario.yaml").read_text()
    assert max(map(len, text.splitlines())) <= 120
    assert text.count("#") > 10


def test_what_is_chosen_is_in_it(sfsim: Sfsim) -> None:
    options = (
        "--devices jetson:2,phone:3,laptop --link wifi-6 --model random --algorithms fedlora,splitfed --target 0.6"
    )
    scenario = written(sfsim, *options.split())
    assert [(group.name, group.count) for group in scenario.world.devices] == [
        ("jetson", 2),
        ("phone", 3),
        ("laptop", 1),
    ]
    assert {group.uplink.rate for group in scenario.world.devices} == {582e6 / 8}
    assert scenario.model.name == "random"
    assert [entry.name for entry in scenario.algorithms] == ["fedlora", "splitfed"]
    assert scenario.target_accuracy == 0.6


def test_every_algorithm_can_be_chosen(sfsim: Sfsim) -> None:
    scenario = written(sfsim, "--algorithms", ",".join(ALGORITHMS.names()))
    assert [entry.name for entry in scenario.algorithms] == ALGORITHMS.names()


def test_a_timm_model_gets_its_own_image_size(sfsim: Sfsim) -> None:
    assert written(sfsim, "--model", "vit_tiny_patch16_224").model.image_size == 224


def test_no_target(sfsim: Sfsim) -> None:
    assert written(sfsim, "--target", "none").target_accuracy is None


def test_class_folders_for_training_and_testing(sfsim: Sfsim, capsys: pytest.CaptureFixture[str]) -> None:
    images("pets/train", "cat dog", 30)
    images("pets/val", "cat dog", 5)
    status, out, _ = sfsim("init", "--data", "pets", "--devices", "phone:3")
    assert status == 0
    assert out.splitlines()[0] == "Image files of 2 classes, 60 images to train with and 10 to test with."
    data = yaml.safe_load(Path("scenario.yaml").read_text())["data"]
    assert data == {"name": "folder", "path": "pets", "partition": {"name": "iid"}}
    check(load("scenario.yaml"))


def test_class_folders_alone_are_split(sfsim: Sfsim) -> None:
    images("pets", "cat dog cow", 50)
    data = yaml.safe_load(
        written(sfsim, "--data", "pets", "--devices", "phone:2") and Path("scenario.yaml").read_text()
    )
    assert data["data"]["test_fraction"] == 0.2
    assert data["data"]["partition"]["name"] == "dirichlet"


def test_parquet_files(sfsim: Sfsim) -> None:
    Path("pq").mkdir()
    encoded = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(encoded, "PNG")
    for name, rows in (("train-00.parquet", 20), ("train-01.parquet", 20), ("test.parquet", 10)):
        columns = {
            "image": [encoded.getvalue()] * rows,
            "coarse": ["x"] * rows,
            "label": [row % 2 for row in range(rows)],
        }
        parquet.write_table(pyarrow.table(columns), Path("pq", name))
    written(sfsim, "--data", "pq", "--devices", "phone:2")
    data = yaml.safe_load(Path("scenario.yaml").read_text())["data"]
    assert data["train"] == ["pq/train-00.parquet", "pq/train-01.parquet"]
    assert (data["test"], data["image"], data["label"]) == ("pq/test.parquet", "image", "label")


def test_a_path_starts_at_the_folder_of_the_scenario(sfsim: Sfsim) -> None:
    images("pets/train", "cat dog", 4)
    images("pets/test", "cat dog", 4)
    Path("studies").mkdir()
    assert sfsim("init", "studies/mine.yaml", "--data", "pets", "--devices", "phone:2")[0] == 0
    assert yaml.safe_load(Path("studies/mine.yaml").read_text())["data"]["path"] == "../pets"
    scenario = load("studies/mine.yaml")
    check(scenario)
    assert scenario.name == "mine"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--devices raspbery-pi-4:3", 'there is no device "raspbery-pi-4"; did you mean "raspberry-pi-4"?'),
        ("--devices phone:many", "after the colon stands how many there are, such as phone:6"),
        ("--devices phone:0", "after the colon stands how many there are"),
        ("--devices ,", "name at least one device"),
        ("--link wifi6", 'there is no link "wifi6"; did you mean "wifi-6"? (there are home-wifi, wifi-6, lte,'),
        ("--algorithms fedavg,splitfd", 'there is no algorithm "splitfd"; did you mean "splitfed"?'),
        (
            "--model vit_tiny_patch16_225",
            'there is no model "vit_tiny_patch16_225"; did you mean "vit_tiny_patch16_224"',
        ),
        ("--target 80", '"80" is not an accuracy'),
        ("--target high", '"high" is not an accuracy'),
        ("--data nowhere", "there is no folder nowhere"),
        ("--data loose", "put the images of each class into a folder of its own"),
        ("--data half", "none to test with: the names of those for testing have test in them"),
        (
            "--data tables",
            "CSV files (all.csv), but none to test with: the names of those for testing have test in them, "
            "such as test.csv; this Python sets a fifth aside, in the new folder split: import os, pandas; ",
        ),
        ("nowhere/mine.yaml", "there is no folder nowhere to write mine.yaml into"),
        ("loose", "loose is a folder"),
    ],
)
def test_a_wrong_choice_is_one_message_and_no_file(options: str, said: str, sfsim: Sfsim, tmp_path: Path) -> None:
    for folder, name in (("loose", "a.png"), ("half", "train.parquet"), ("tables", "all.csv")):
        Path(folder).mkdir()
        Path(folder, name).write_bytes(b"")
    before = files(tmp_path)
    status, out, err = sfsim("init", *options.split())
    assert (status, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert files(tmp_path) == before


def test_choices_that_do_not_fit_each_other_are_told_and_nothing_is_written(sfsim: Sfsim, tmp_path: Path) -> None:
    status, out, err = sfsim("init", "--devices", "phone:2000")
    assert (status, out) == (2, "")
    assert "digits: 1400 images to train with are too few for 2000 devices" in err
    assert "scenario.yaml" not in err
    assert files(tmp_path) == []


def test_a_file_is_replaced_with_force_alone(sfsim: Sfsim) -> None:
    Path("scenario.yaml").write_text("mine")
    status, out, err = sfsim("init")
    assert (status, out, err) == (2, "", "sfsim: scenario.yaml exists: name another file, or say --force\n")
    assert Path("scenario.yaml").read_text() == "mine"
    written(sfsim, "--force")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is typed on a terminal, question after question; an empty answer takes what is usual."""
    typed: list[str] = []

    def prompt(question: str, default: str, show_default: bool) -> str:
        return (typed.pop(0) if typed else "") or default

    monkeypatch.setattr(init, "on_a_terminal", lambda: True)
    monkeypatch.setattr("typer.prompt", prompt)
    return typed


def test_on_a_terminal_it_asks_for_what_is_not_given_and_asks_again_after_a_mistake(
    sfsim: Sfsim, answers: list[str]
) -> None:
    answers += ["", "phone:x", "phone:4", "lte", "fedavg", "0.5"]
    status, out, err = sfsim("init", "--model", "random")
    assert (status, err, answers) == (0, "", [])
    assert '"phone:x": after the colon stands how many there are' in out
    scenario = load("scenario.yaml")
    assert (scenario.world.clients, scenario.target_accuracy) == (4, 0.5)


def test_it_does_not_ask_with_yes(sfsim: Sfsim, answers: list[str]) -> None:
    answers += ["nowhere"]
    assert sfsim("init", "--yes")[0] == 0
    assert answers == ["nowhere"]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("true.yaml", "true"),
        ("null.yaml", "null"),
        ("1e3.yaml", "1e3"),
        ("a b.yaml", "a b"),
        ("2024.yaml", "scenario"),
        ("a: b.yaml", "scenario"),
        ("my,scenario.yaml", "scenario"),
        ("x#y.yaml", "scenario"),
        ("end-.yaml", "scenario"),
    ],
)
def test_the_name_is_that_of_the_file_where_it_can_be(file: str, name: str, sfsim: Sfsim) -> None:
    status, _, err = sfsim("init", file)
    assert (status, err) == (0, "")
    assert load(file).name == name


def test_the_next_command_can_be_pasted(sfsim: Sfsim) -> None:
    out = sfsim("init", "a b.yaml")[1]
    assert "Then: sfsim run 'a b.yaml'" in out.splitlines()


@pytest.mark.parametrize(
    ("classes", "count", "said"),
    [
        ("cat", 20, "photos has images of one class only: there must be two to tell apart"),
        (
            "cat dog",
            1,
            "photos: there are no images to test with; a fifth of each class is taken",
        ),
        ("cat dog", 3, "photos: 4 images to train with are too few for 10 devices, each of which needs one"),
    ],
)
def test_a_folder_with_too_little_is_named_with_what_it_lacks(
    classes: str, count: int, said: str, sfsim: Sfsim
) -> None:
    images("photos", classes, count)
    status, _, err = sfsim("init", "--data", "photos")
    assert status == 2
    assert err.startswith(f"sfsim: {said}")
    assert not Path("scenario.yaml").exists()
