"""Dotted keys: which places they stand for, what names nothing, and what becomes of the links on the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.scenario.scenario import Entry, load
from simulator.settings.errors import ScenarioError
from simulator.settings.keys import BESIDE, paths
from simulator.settings.sources import Source
from simulator.settings.yamlfile import parse

DATA, _ = parse("""
world:
  devices: [{name: pi, count: 2}, {name: jetson}, {name: pi.5}, {name: pi, uplink: lte}]
  server: {name: rtx-4090}
  edges: [{name: a100, label: hall}, {name: a100, label: campus}, {name: a100, label: campus}]
algorithms: [{name: fedavg, label: FL}, {name: splitfed}]
""")
SCENARIO = """\
name: links
world:
  devices:
    - {name: raspberry-pi-4, count: 6}
    - {name: jetson-nano, uplink: lte}
    - {name: raspberry-pi-4, uplink: {rate: 20 Mbit/s}}
  server: {name: rtx-4090}
  edges: [{name: rtx-4090, devices: [raspberry-pi-4], access: {uplink: wifi-6}}]
model: {name: random, image_size: 8}
data: {name: digits}
training: {rounds: 1, clients_per_round: 2, batch_size: 32, optimizer: {name: sgd, learning_rate: 0.05}}
algorithms: [{name: fedavg}]
"""


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("world.devices.jetson.count", [("world", "devices", 1, "count")]),
        ("world.devices.pi.count", [("world", "devices", 0, "count"), ("world", "devices", 3, "count")]),
        ("world.devices.pi.5.count", [("world", "devices", 2, "count")]),  # the longest name that fits
        ("world.devices.3.uplink.rate", [("world", "devices", 3, "uplink", "rate")]),
        ("world.devices.*", [("world", "devices", index) for index in range(4)]),
        ("world.edges.hall.slots", [("world", "edges", 0, "slots")]),
        ("algorithms.*.head", [("algorithms", 1, "head")]),
        ("algorithms.*.training.rounds", [("algorithms", index, "training", "rounds") for index in range(2)]),
        ("algorithms.FL.training.rounds", [("algorithms", 0, "training", "rounds")]),
        ("algorithms.splitfed.head", [("algorithms", 1, "head")]),
        ("prices.gpu", [("prices", "gpu")]),
    ],
)
def test_a_key_stands_for_places(key: str, wanted: list[tuple[str | int, ...]]) -> None:
    assert paths(DATA, key) == wanted


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        (
            "world.devices.jetsen.count",
            'world.devices has no "jetsen"; did you mean "jetson"? (allowed: pi, jetson, pi.5,',
        ),
        ("world.devices.4.count", 'world.devices has no "4" (allowed: pi, jetson, pi.5, 0 to 3, or * for all)'),
        ("world.edges.campus.slots", 'world.edges has no "campus"'),
        ("", "a key is empty"),
        ("training.rounds.", "a part of the key is empty: write one dot between two names"),
        ("training..rounds", "a part of the key is empty"),
        (".training.rounds", "a part of the key is empty"),
        ("world.devices.pi.", "a part of the key is empty"),
        ("world.devices.0.", "a part of the key is empty"),
        ("world.devices..count", "a part of the key is empty"),
        ("world.server.*", "world.server is not a list, and * stands for the items of one"),
        ("world.devices.pi.count.x", "world.devices.0.count is 2, which has no keys in it"),
        ("algorithms.*.haed", 'no algorithm of the scenario has a key "haed"; did you mean "head"?'),
    ],
)
def test_a_key_that_names_nothing(key: str, problem: str) -> None:
    with pytest.raises(ScenarioError) as found:
        paths(DATA, key)
    assert problem in str(found.value)


def test_every_entry_has_the_keys_that_a_star_expects() -> None:
    assert set(BESIDE) == {"name", *Entry.model_fields} - {"algorithm"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "links.yaml"
    file.write_text(SCENARIO)
    return file


def test_a_name_or_a_star_sets_all_that_it_stands_for(file: Path) -> None:
    overrides = ["world.devices.raspberry-pi-4.memory=1 GiB", "world.devices.*.downlink.rate=8 Mbit/s"]
    groups = load(file, overrides).world.devices
    assert [group.memory for group in groups] == [2**30, 4 * 2**30, 2**30]
    assert [group.downlink.rate for group in groups] == [1e6] * 3


def test_a_rate_that_is_set_inside_a_link_leaves_its_latency(file: Path) -> None:
    """Of the usual link of a device, of a link by its name, and of one that the file writes out."""
    groups = load(file, ["world.devices.*.uplink.rate=8 kbit/s"]).world.devices
    assert [(group.uplink.rate, group.uplink.latency) for group in groups] == [(1e3, 0.005), (1e3, 0.025), (1e3, 0.0)]


@pytest.mark.parametrize("where", ["world.server.uplink", "world.edges.edge.downlink"])
def test_so_it_does_at_a_server_and_an_edge(file: Path, where: str) -> None:
    overrides = [f"{where}.latency=7 ms"]
    plain, changed = load(file).world, load(file, overrides).world
    site, twin = (world.server if "server" in where else world.edges[0] for world in (plain, changed))
    way = where.rpartition(".")[2]
    assert getattr(twin, way).latency == 0.007
    assert getattr(twin, way).rate == getattr(site, way).rate


def test_and_in_the_medium_that_devices_share(file: Path) -> None:
    access = [
        load(file, overrides).world.edges[0].access for overrides in ([], ["world.edges.0.access.uplink.loss=0.1"])
    ]
    named, lossy = (medium.uplink for medium in access if medium)
    assert named is not None
    assert lossy is not None
    assert (lossy.rate, lossy.latency, lossy.loss) == (named.rate, named.latency, 0.1)


def test_a_medium_without_a_limit_has_no_usual_link(file: Path) -> None:
    access = load(file, ["world.edges.0.access.downlink.rate=8 kbit/s"]).world.edges[0].access
    assert access is not None
    assert access.downlink is not None
    assert (access.downlink.rate, access.downlink.latency) == (1e3, 0.0)


def test_what_is_put_is_a_copy(file: Path) -> None:
    source, link = Source(file), {"rate": "8 Mbit/s"}
    for path in source.paths("world.devices.*.uplink"):
        source.put(path, link, "")
    source.put(("world", "devices", 0, "uplink", "rate"), "16 Mbit/s", "")
    assert [group["uplink"]["rate"] for group in source.data["world"]["devices"]] == [
        "16 Mbit/s",
        "8 Mbit/s",
        "8 Mbit/s",
    ]
    assert link == {"rate": "8 Mbit/s"}
