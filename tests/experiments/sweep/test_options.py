"""Axes of the command line: of a plain scenario, and beside or in place of those of a sweep file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulator.experiments.sweep.options import with_axes
from simulator.experiments.sweep.settings import Sweep, load
from simulator.settings.errors import ScenarioError
from simulator.settings.sources import Source
from tests.helpers.small_sweeps import Write, names, swept


def said(sweep: Sweep, key: str) -> list[Any]:
    """The values of an axis, relative ones as tables show them."""
    return [str(value) if not isinstance(value, int | float | dict) else value for value in sweep.values(key)]


@pytest.fixture
def tiny(write: Write) -> Path:
    """A plain scenario."""
    return write().parent / "tiny.yaml"


@pytest.mark.parametrize(
    ("option", "wanted"),
    [
        ("training.batch_size=[8, 16]", [8, 16]),
        ("training.batch_size=8,16,32", [8, 16, 32]),
        ("training.batch_size=8", [8]),
        ("world.server.uplink.rate=1 Mbit/s, 20 Mbit/s", ["1 Mbit/s", "20 Mbit/s"]),
        ("training.batch_size={range: [8, 24], step: 8}", [8, 16, 24]),
        ("training.batch_size={times: [0.5, 2]}", ["×0.5", "×2"]),
        (
            "data.partition={name: iid},{name: dirichlet, alpha: 1}",
            [{"name": "iid"}, {"name": "dirichlet", "alpha": 1}],
        ),
    ],
)
def test_values_are_a_list_with_or_without_brackets(option: str, wanted: list[Any], tiny: Path) -> None:
    sweep = load(tiny, [option])
    assert said(sweep, option.partition("=")[0]) == wanted
    assert sweep.scenario == str(tiny)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["training.rounds=1,2"], "tiny-rounds"),
        (["world.devices.raspberry-pi-4.uplink.rate={times: [1, 2]}"], "tiny-raspberry-pi-4.uplink.rate"),
        (["world.devices.*.count=1,2", "algorithms.*.training.rounds=1,2"], "tiny-count+rounds"),
        (["algorithms.FL.training.rounds=1,2"], "tiny-FL.rounds"),
    ],
)
def test_a_sweep_of_a_scenario_is_named_by_it_and_what_varies(options: list[str], name: str, tiny: Path) -> None:
    assert load(tiny, options).name == name


def test_a_name_that_is_too_long_for_a_folder_is_cut_and_stays_unique(tiny: Path) -> None:
    keys = [
        f"world.devices.{group}.uplink.{what}" for group in (0, 1) for what in ("rate", "latency", "loss", "signal")
    ]
    one, other = (load(tiny, [f"{key}=1,2" for key in some]).name for some in (keys, keys[:-1]))
    assert (len(one), len(other)) == (64, 64)
    assert one != other


def test_keys_that_are_joined_move_together(tiny: Path) -> None:
    sweep = load(tiny, ["world.devices.*.uplink.rate,world.devices.*.downlink.rate={times: [0.2, 1]}"])
    assert sweep.grid_points == 2
    assert [list(map(str, values)) for values in sweep.zip[0].values()] == [["×0.2", "×1"]] * 2


def test_an_axis_is_added_to_a_sweep_file(write: Write) -> None:
    sweep = load(write(axes={"training.rounds": [1, 2]}), ["training.batch_size=8,16"])
    assert (sweep.name, sweep.keys, sweep.grid_points) == ("small", ["training.rounds", "training.batch_size"], 4)


def test_an_axis_replaces_that_of_the_same_key_where_it_stands(write: Write) -> None:
    file = write(
        axes={"training.rounds": [1, 2]}, zip=[{"training.batch_size": [8, 16], "training.local_epochs": [1, 2]}]
    )
    sweep = load(file, ["training.rounds=5", "training.batch_size=32,64"])
    assert sweep.axes == {"training.rounds": [5]}
    assert sweep.zip == ({"training.batch_size": [32, 64], "training.local_epochs": [1, 2]},)


def test_axes_that_move_together_replace_those_of_the_same_keys(write: Write) -> None:
    keys = ["training.rounds", "training.batch_size", "training.local_epochs"]
    file = write(axes={keys[0]: [1, 2]}, zip=[{keys[1]: [8, 16]}])
    sweep = load(file, [f"{','.join(keys)}=1,2,3"])
    assert (sweep.axes, sweep.zip) == ({}, ({key: [1, 2, 3] for key in keys},))


def test_an_axis_takes_the_place_of_what_the_file_sets_unless_it_is_relative_to_it(write: Write) -> None:
    file = write(axes={"threads": [1]}, set={"training.rounds": 4})
    assert load(file, ["training.rounds=1,2"]).set == {}
    assert load(file, ["training.rounds={times: [1, 2]}"]).set == {"training.rounds": 4}


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("training.rounds", "--axis training.rounds: write it as KEY=VALUES, such as training.rounds=5,10"),
        ("=5", "--axis =5: write it as KEY=VALUES"),
        ("threads,threads=5", "--axis threads,threads=5: threads is named twice"),
        ("training.rounds=[5", "--axis training.rounds=[5, line 1: this is not complete, valid YAML"),
        ("training.rounds=[]", "tiny.yaml, --axis training.rounds=[]: axes.training.rounds is []: the axis is empty"),
        (
            "training.rounds={tmes: [1]}",
            'axes.training.rounds.tmes is [1]: there is no such key; did you mean "times"?',
        ),
    ],
)
def test_an_option_that_is_wrong(option: str, problem: str, tiny: Path) -> None:
    with pytest.raises(ScenarioError) as found:
        load(tiny, [option])
    assert problem in str(found.value)


def test_the_source_that_axes_are_added_to_stays_as_it_is(write: Write) -> None:
    source = Source(write(axes={"training.rounds": [1, 2]}, set={"threads": 1}))
    with_axes(source, ["training.rounds=5", "threads=1,2"])
    assert (source.data["axes"], source.data["set"]) == ({"training.rounds": [1, 2]}, {"threads": 1})


def test_the_same_command_continues_a_sweep_of_a_scenario(tiny: Path, ran: list[Any]) -> None:
    axes = ["training.batch_size=8,16"]
    folder = swept(tiny, axes=axes)
    assert len(ran) == 4
    assert {"sweep.yaml", "points.csv", "trials"} <= set(names(folder))
    swept(tiny, axes=["training.batch_size=8,16,4"])
    assert len(ran) == 6, "only the trials of the new point"


@pytest.mark.parametrize("second", ["training.rounds=3,4", "seed,training.rounds=3,4"])
def test_a_key_of_two_options_is_refused(second: str, tiny: Path) -> None:
    with pytest.raises(ScenarioError, match=r"training\.rounds is an axis already, by --axis training\.rounds=1,2"):
        load(tiny, ["training.rounds=1,2", second])
