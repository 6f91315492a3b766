"""The diagram of a world: who is behind whom, with which links, read from its elements."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest

from analysis.world_diagram import MOST_GROUPS, WIDTH, world_diagram

SVG = {"rate": {"fp32": "48 GFLOP/s"}, "precision": "fp32", "memory": "4 GiB"}
LINK = {"uplink": {"rate": "10 Mbit/s", "latency": "5 ms"}, "downlink": {"rate": "20 Mbit/s", "latency": "5 ms"}}
SERVER = {
    "name": "big",
    "slots": 2,
    "rate": {"fp32": "1 TFLOP/s"},
    "uplink": {"rate": "2 Gbit/s"},
    "downlink": {"rate": "1 Gbit/s"},
}


def world(*groups: tuple[str, int], **more: Any) -> dict[str, Any]:
    devices = [{"name": name, "count": count, **SVG, **LINK} for name, count in groups]
    return {"world": {"devices": devices, "server": SERVER, **more}}


def drawn(scenario: dict[str, Any]) -> tuple[ElementTree.Element, list[str]]:
    """The picture as XML, and its texts."""
    root = ElementTree.fromstring(str(world_diagram(scenario)))
    return root, [element.text or "" for element in root.iter("text")]


def test_groups_links_and_the_server_are_named() -> None:
    _, texts = drawn(world(("pi", 6), ("nano", 1)))
    for text in ("Server: big", "1 TFLOP/s · 2 slots", "6 × pi", "48 GFLOP/s · 4 GiB", "1 × nano", "↑ 10 Mbit/s",
                 "↓ 20 Mbit/s, 5 ms", "shared by all: ↑ 1 Gbit/s, ↓ 2 Gbit/s"):  # fmt: skip
        assert text in texts, "up is what the server receives"


@pytest.mark.parametrize(
    ("up", "down", "shown"),
    [
        ("10 ms", "90 ms", ("↑ 1 Mbit/s, 10 ms", "↓ 2 Mbit/s, 90 ms")),
        ("10 ms", "0 s", ("↑ 1 Mbit/s, 10 ms", "↓ 2 Mbit/s")),
        ("0 s", "90 ms", ("↑ 1 Mbit/s", "↓ 2 Mbit/s, 90 ms")),
        ("10 ms", "10 ms", ("↑ 1 Mbit/s", "↓ 2 Mbit/s, 10 ms")),
    ],
)
def test_a_latency_follows_the_rate_of_its_own_link(up: str, down: str, shown: tuple[str, str]) -> None:
    scenario = world(("pi", 2))
    scenario["world"]["devices"][0] |= {
        "uplink": {"rate": "1 Mbit/s", "latency": up},
        "downlink": {"rate": "2 Mbit/s", "latency": down},
    }
    _, texts = drawn(scenario)
    assert [text for text in texts if text.startswith(("↑", "↓"))] == list(shown)


def test_groups_of_one_name_share_what_an_edge_takes() -> None:
    """Of 2 + 4 devices the first edge has three, the second one two, and the server the last one."""
    edges = [{"label": "a", "devices": {"pi": 3}, **LINK}, {"label": "b", "devices": {"pi": 2}, **LINK}]
    root, _ = drawn(world(("pi", 2), ("pi", 4), edges=edges))
    titles = [e.text for e in sorted(root.iter("text"), key=lambda e: float(e.attrib["y"])) if
              e.attrib["class"] == "title"]  # fmt: skip
    under_a, under_b = titles.index("1 × a (edge server)"), titles.index("1 × b (edge server)")
    assert titles[under_a + 1 : under_b] == ["2 × pi", "1 × pi"]
    assert titles[under_b + 1 :] == ["2 × pi", "1 × pi"]


def test_boxes_are_inside_and_do_not_overlap() -> None:
    root, _ = drawn(world(("pi", 6), ("nano", 1), edges=[{"label": "e", "count": 2, "devices": ["pi"], **LINK}]))
    boxes = [{key: float(box.attrib[key]) for key in ("x", "y", "width", "height")} for box in root.iter("rect")]
    assert len(boxes) == 4
    bottom = float(root.attrib["viewBox"].split()[3])
    for box in boxes:
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= WIDTH
        assert box["y"] + box["height"] <= bottom
    tops = sorted((box["y"], box["height"]) for box in boxes)
    assert all(top + height <= following for (top, height), (following, _) in pairwise(tops))


def behind(scenario: dict[str, Any]) -> dict[str, str]:
    """By the first line of each box the first line of the box that it hangs from: the nearest above, further left."""
    root, _ = drawn(scenario)
    boxes = sorted((float(box.attrib["y"]), float(box.attrib["x"])) for box in root.iter("rect"))
    titles = [e.text or "" for e in sorted(root.iter("text"), key=lambda e: float(e.attrib["y"])) if
              e.attrib["class"] == "title"]  # fmt: skip
    return {
        titles[index]: titles[max(above for above in range(index) if boxes[above][1] < x)]
        for index, (_, x) in enumerate(boxes)
        if index
    }


@pytest.mark.parametrize("members", [["pi"], {"pi": 4}])
def test_devices_hang_from_their_edges(members: object) -> None:
    found = behind(world(("pi", 6), ("nano", 2), edges=[{"label": "cell", "name": "orin", "devices": members, **LINK}]))
    assert found["1 × cell (orin)"] == "Server: big"
    assert found["2 × nano"] == "Server: big"
    if isinstance(members, list):
        assert found["6 × pi"] == "1 × cell (orin)"
    else:
        assert (found["4 × pi"], found["2 × pi"]) == ("1 × cell (orin)", "Server: big")


def test_edges_hang_from_edges() -> None:
    edges = [{"label": "low", "behind": "high-0", "devices": ["pi"], **LINK}, {"label": "high", **LINK}]
    found = behind(world(("pi", 6), edges=edges))
    assert found["6 × pi"] == "1 × low (edge server)"
    assert found["1 × low (edge server)"] == "1 × high (edge server)"


def test_very_many_groups_are_counted() -> None:
    _, texts = drawn(world(*((f"kind-{number}", 2) for number in range(MOST_GROUPS + 3))))
    assert "and 3 more groups of devices" in texts


def test_names_are_escaped_and_long_ones_shortened() -> None:
    root, texts = drawn(world(("<b>&" + "x" * 200, 3)))
    assert all(len(text) < 60 for text in texts)
    assert "3 × <b>&" in root.attrib["aria-label"]
    assert not re.search(r"<b>", str(world_diagram(world(("<b>", 1)))))


@pytest.mark.parametrize("scenario", [{}, {"world": {"devices": []}}, {"world": {"devices": [{"name": "a"}]}}])
def test_a_scenario_without_a_world_has_no_diagram(scenario: dict[str, Any]) -> None:
    assert not world_diagram(scenario)


def test_what_comes_and_goes_is_named() -> None:
    scenario = world(("pi", 2))
    scenario["world"]["devices"][0] |= {"presence": {"name": "on_off"}, "battery": {"capacity": "10 Wh"}}
    scenario["world"]["devices"][0]["uplink"] = {"rate": "10 Mbit/s", "signal": {"name": "markov"}}
    _, texts = drawn(scenario)
    assert "presence on_off, battery" in texts
    assert "↑ 10 Mbit/s ~" in texts


def test_what_is_drawn_for_each_device_is_named_and_the_figure_of_the_group_is_not_shown() -> None:
    scenario, uniform = world(("pi", 600), ("nano", 1)), {"name": "uniform"}
    scenario["world"]["devices"][0]["population"] = {
        "table": "fleet.csv",
        "rate": uniform,
        "memory_bandwidth": uniform,
        "uplink": uniform,
        "latency": uniform,
    }
    _, texts = drawn(scenario)
    assert texts[3:] == [
        *("600 × pi", "4 GiB", "drawn for each device: rate,", "memory bandwidth, uplink,", "latency"),
        *("↑ drawn", "↓ 20 Mbit/s"),
        *("1 × nano", "48 GFLOP/s · 4 GiB", "↑ 10 Mbit/s", "↓ 20 Mbit/s, 5 ms"),
    ]
