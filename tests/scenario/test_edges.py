"""What a scenario says of edges and who is behind them, and what it may not say."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from simulator.scenario.scenario import Scenario, ScenarioError, load

HALL = "{name: jetson-agx-orin, label: hall, count: 2, devices: [raspberry-pi-4, jetson-nano]}"
CAMPUS = "{name: a100, label: campus, devices: {raspberry-pi-4: 1}}"


def with_edges(file: Path, *edges: str) -> Scenario:
    return load(file, [f"world.edges=[{', '.join(edges)}]"])


def message(file: Path, *edges: str) -> str:
    with pytest.raises(ScenarioError) as error:
        with_edges(file, *edges)
    return str(error.value)


@pytest.mark.parametrize("overrides", [[], ["world.edges=[]"]])
def test_a_world_without_edges_does_not_write_any(file: Path, overrides: list[str]) -> None:
    assert "edges" not in load(file, overrides).resolved()


def test_edges_are_written_and_read_again(file: Path) -> None:
    access = "access: {uplink: home-wifi, downlink: {rate: 1 Gbit/s, signal: {name: periodic, period: 1 h, low: 0.5}}}"
    scenario = with_edges(file, HALL.replace("count: 2", f"count: 2, behind: campus, slots: 3, {access}"), CAMPUS)
    file.write_text(scenario.resolved())
    assert load(file) == scenario
    hall = scenario.world.edges[0]
    assert (hall.slots, hall.behind, hall.devices) == (3, "campus", ("raspberry-pi-4", "jetson-nano"))
    assert hall.access is not None
    assert hall.access.uplink is not None
    assert hall.access.uplink.rate == 20e6 / 8


def test_devices_are_dealt_over_the_edges_of_an_entry_in_turn(file: Path) -> None:
    assert with_edges(file, HALL).world.tiers.devices == {
        "raspberry-pi-4-0": "hall-0",
        "raspberry-pi-4-1": "hall-1",
        "raspberry-pi-4-2": "hall-0",
        "jetson-nano-0": "hall-1",
    }


def test_a_list_is_of_what_mappings_leave_wherever_they_stand(file: Path) -> None:
    for edges in ((HALL, CAMPUS), (CAMPUS, HALL)):
        devices = with_edges(file, *edges).world.tiers.devices
        assert devices["raspberry-pi-4-0"] == "campus-0"
        assert Counter(devices.values()) == {"campus-0": 1, "hall-0": 2, "hall-1": 1}


def test_a_device_that_no_edge_names_is_behind_none(file: Path) -> None:
    tiers = with_edges(file, CAMPUS).world.tiers
    assert tiers.devices == {"raspberry-pi-4-0": "campus-0"}


def test_entries_with_one_label_share_its_numbering(file: Path) -> None:
    one, other = CAMPUS, "{name: rtx-4090, label: campus, devices: [jetson-nano]}"
    assert with_edges(file, one, other).world.tiers.entries == {"campus-0": 0, "campus-1": 1}


def test_an_edge_may_have_only_edges_behind_it(file: Path) -> None:
    region = "{name: a100, label: region}"
    tiers = with_edges(file, CAMPUS.replace("devices", "behind: region-0, devices"), region).world.tiers
    assert tiers.branch("campus-0") == ["campus-0", "region-0"]


def test_tiers_are_found_once_and_anew_for_a_copy(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario, same = with_edges(file, HALL), with_edges(file, HALL)
    written, tiers = scenario.resolved(), scenario.world.tiers
    assert scenario.world.model_copy(update={"edges": ()}).tiers.devices == {}
    monkeypatch.setattr("simulator.scenario.world.arranged", None)
    assert scenario.world.tiers is tiers
    assert scenario.resolved() == written
    assert scenario == same


def test_a_key_may_name_an_entry_by_its_label(file: Path) -> None:
    file.write_text(with_edges(file, HALL, CAMPUS).resolved())
    edges = load(file, ["world.edges.campus.uplink.rate=5 B/s", "world.edges.hall.slots=3"]).world.edges
    assert (edges[0].slots, edges[1].uplink.rate) == (3, 5)


def test_a_label_of_several_entries_names_none_of_them(file: Path) -> None:
    file.write_text(with_edges(file, CAMPUS, "{name: a100, label: campus, devices: [jetson-nano]}").resolved())
    with pytest.raises(ScenarioError, match=r"name an item of it by a number from 0, not campus"):
        load(file, ["world.edges.campus.slots=3"])
    assert load(file, ["world.edges.1.slots=3"]).world.edges[1].slots == 3


def test_signals_of_edges_are_found_and_can_be_left_out(file: Path) -> None:
    signal = "{rate: 1 Gbit/s, signal: {name: periodic, period: 1 h, low: 0.5}}"
    varying = CAMPUS.replace("devices", f"uplink: {signal}, access: {{downlink: {signal}}}, devices")
    world = with_edges(file, varying).world
    assert [where for where, _ in world.signals()] == [
        ("edges", 0, "uplink", "signal"),
        ("edges", 0, "access", "downlink", "signal"),
    ]
    assert not any(world.without_signals().signals())


@pytest.mark.parametrize(
    ("edges", "said"),
    [
        (
            ["{name: a100, behind: campus, devices: [jetson-nano]}", "{name: a100, label: campus, behind: edge}"],
            'world.edges.0.behind is "campus-0": the edges form a circle: edge-0 behind campus-0 behind edge-0',
        ),
        (
            ["{name: a100, devices: [jetson-nano], behind: edge-0}"],
            'world.edges.0.behind is "edge-0": the edges form a circle: edge-0 behind edge-0',
        ),
        (
            ["{name: a100, devices: [jetson-nano], behind: campos}", CAMPUS],
            'behind is "campos": there is no such edge; did you mean "campus-0"? '
            "(allowed: edge-0, campus-0, or null for the server)",
        ),
        (
            ["{name: a100, devices: [jetson-nano], behind: hall}", "{name: a100, label: hall, count: 2}"],
            'behind is "hall": it is the label of several edges (allowed: hall-0, hall-1, or null for the server)',
        ),
        (
            ["{name: a100, devices: [jetson-nano]}", "{name: a100, devices: [jetson-nano]}"],
            'world.edges.1.devices.0 is "jetson-nano": all its devices are behind edges already, and a device is '
            "behind one",
        ),
        (
            [CAMPUS, "{name: a100, devices: {raspberry-pi-4: 3}}"],
            "world.edges.1.devices.raspberry-pi-4 is 3: raspberry-pi-4 has 3 devices, of which 1 are behind others "
            "(allowed: at most 2)",
        ),
        (
            ["{name: a100, devices: {jetson-nan: 1}}"],
            'there is no such group of devices; did you mean "jetson-nano"? (allowed: raspberry-pi-4, jetson-nano)',
        ),
        (["{name: a100}"], "world.edges.0.devices: nothing is behind edge-0: no device, and no other edge"),
        (["{name: a100, count: 4, devices: [raspberry-pi-4]}"], "nothing is behind edge-3"),
        (["{name: a100, label: server, devices: [jetson-nano]}"], 'label is "server": it is the name of the server'),
        (
            ["{name: a100, label: jetson-nano, devices: [jetson-nano]}"],
            'world.edges.0.label is "jetson-nano": it is the name of a group of devices (allowed: another label)',
        ),
        (["{name: a100, devices: jetson-nano}"], "it must be a list of groups of devices, or a mapping such as"),
        (["{name: a100, devices: {jetson-nano: 0}}"], "it must be a list of groups of devices, or a mapping such as"),
        (["{name: a100, devices: [jetson-nano], presence: x}"], "world.edges.0.presence"),
        (["{name: a-hundred, devices: [jetson-nano]}"], '"a-hundred" is not in the catalogue'),
    ],
)
def test_what_is_wrong_is_said_in_one_message_with_its_line(file: Path, edges: list[str], said: str) -> None:
    text = message(file, *edges)
    assert said in text
    assert "\n" not in text
