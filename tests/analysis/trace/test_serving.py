"""What a trace shows of how a server serves: its GPUs, its queue, its passes and its rule."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyarrow import parquet

from analysis import load_run, write_trace
from analysis.serving import rule
from simulator.accounting.ledger import SET_ASIDE, Ledger, WaitRow, WorkRow
from simulator.accounting.usage import uses
from tests.helpers.ledgers import POWER, TRAIN, made, served
from tests.helpers.traces import Event, faults, read


def work(asked: float, start: float, seconds: float, client: str = "pi-0", **more: Any) -> WorkRow:
    return WorkRow("server", client, *TRAIN, asked, start, seconds, 10, 20, **more)


def wait(start: float, seconds: float, reason: str, client: str = "pi-0") -> WaitRow:
    return WaitRow("server", client, *TRAIN, start, seconds, 0, reason, int(reason == SET_ASIDE))


def ledger(*works: WorkRow, waits: tuple[WaitRow, ...] = ()) -> Ledger:
    found = Ledger()
    for row in works:
        found.works.add(row)
    for each in waits:
        found.waits.add(each)
    return found


def counter(events: list[Event], name: str) -> list[tuple[float, float]]:
    """The moments (s) and values of a counter."""
    return [
        (event["ts"] / 1e6, *event["args"].values()) for event in events if (event["ph"], event["name"]) == ("C", name)
    ]


def tracks(events: list[Event]) -> list[str]:
    """The tracks of the server's works."""
    named = [event["args"]["name"] for event in events if event["name"] == "thread_name"]
    return [name for name in named if name.startswith("server ")]


def works(events: list[Event]) -> list[dict[str, Any]]:
    return [event["args"] for event in events if event.get("cat") == "compute"]


def serving(folder: Path, **keys: object) -> None:
    """Change the keys of the server in the scenario of a run."""
    scenario = yaml.safe_load((folder / "scenario.yaml").read_text())
    scenario["world"]["server"] |= keys
    (folder / "scenario.yaml").write_text(yaml.safe_dump(scenario))


@pytest.mark.parametrize(
    ("slots", "names"),
    [
        (1, ["server GPU 0 compute", "server GPU 1 compute"]),
        (2, ["server GPU 0 slot 1", "server GPU 1 slot 1", "server GPU 1 slot 2"]),
    ],
)
def test_each_gpu_has_tracks_of_its_own(tmp_path: Path, slots: int, names: list[str]) -> None:
    second = 2.0 if slots == 1 else 1.0
    rows = work(0, 0, 2), work(0, 0, 2, "pi-1", gpu=1), work(0, second, 2, gpu=1)
    events = read(write_trace(made(tmp_path, ledger(*rows), 4, slots, gpus=2)).path)
    assert list(faults(events)) == []
    assert tracks(events) == names


def test_works_in_service_are_counted_and_what_is_set_aside_waits(tmp_path: Path) -> None:
    """Served from 0 to 1 s and from 3 to 5 s, another one in between, and one that was withdrawn at 2 s."""
    rows = work(0, 0, 5, share=0.6, aside=1), work(1, 1, 2, "pi-1")
    waits = wait(1, 2, SET_ASIDE), wait(0.5, 1.5, "late", "pi-1")
    events = read(write_trace(made(tmp_path, ledger(*rows, waits=waits), 6)).path)
    assert counter(events, "server queue") == [(0.5, 1), (1, 2), (2, 1), (3, 0)]
    assert counter(events, "server in service") == [(0, 1), (5, 0)]


def on_tracks(events: list[Event]) -> dict[str, list[tuple[str, float, float]]]:
    """The name, the start and the seconds of the slices on each track of the server's works."""
    named = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    found: dict[str, list[tuple[str, float, float]]] = {}
    for event in events:
        if event.get("cat") == "compute":
            about = event["name"], event["ts"] / 1e6, event["dur"] / 1e6
            found.setdefault(named[event["tid"]], []).append(about)
    return found


PASS = [work(0, 5, 2, client, share=1 / 3, batch=3) for client in ("pi-0", "pi-1", "pi-0")]


def test_works_that_share_a_pass_are_one_slice(tmp_path: Path) -> None:
    late = PASS[1]._replace(asked=3, lost=True, reason="late")
    events = read(write_trace(made(tmp_path, ledger(PASS[0], late, PASS[2]), 7)).path)
    assert on_tracks(events) == {"server compute": [("training, 3 works", 5, 2)]}
    common = {"work": "train_step", "round": 1, "waited_s": 5}
    assert works(events) == [common | {"flops": 30, "clients": "pi-0, pi-1, pi-0", "pass": 3, "works_in_pass": 3}]


def test_a_pass_is_in_vain_if_all_its_works_are(tmp_path: Path) -> None:
    lost = [row._replace(lost=True, reason=reason) for row, reason in zip(PASS, ("late", "away", "late"), strict=True)]
    events = read(write_trace(made(tmp_path, ledger(*lost), 7)).path)
    assert on_tracks(events) == {"server compute": [("training, 3 works (wasted)", 5, 2)]}


def test_a_work_is_a_slice_for_each_time_in_which_it_was_not_set_aside(tmp_path: Path) -> None:
    """Asked for at 0, served from 0.5 to 1 s and from 3 to 5 s; another one, and a third, are served in between."""
    rows = work(0, 0.5, 4.5, share=2.5 / 4.5, aside=1), work(1, 1, 1, "pi-1"), work(1, 2, 1, "pi-1")
    events = read(write_trace(made(tmp_path, ledger(*rows, waits=(wait(1, 2, SET_ASIDE),)), 6)).path)
    assert on_tracks(events) == {"server compute": [("training", *at) for at in ((0.5, 0.5), (1, 1), (2, 1), (3, 2))]}
    first, *_, last = works(events)
    common = {"work": "train_step", "round": 1, "client": "pi-0", "set_aside_s": 2}
    assert (first, last) == (common | {"flops": 2, "waited_s": 0.5}, common | {"flops": 8, "waited_s": 2})


def test_a_part_of_a_work_that_lasted_no_time_is_none(tmp_path: Path) -> None:
    rows = ledger(work(0, 0, 4, share=0.5, aside=1), waits=(wait(0, 2, SET_ASIDE),))
    events = read(write_trace(made(tmp_path, rows, 6)).path)
    assert on_tracks(events) == {"server compute": [("training", 2, 2)]}
    assert works(events)[0]["waited_s"] == 2


def test_where_works_are_set_aside_slots_are_numbered_over_all_gpus(tmp_path: Path) -> None:
    """The first work begins on the GPU of the second, and goes on at the other: its row tells only the latter."""
    rows = work(0, 0, 5, share=0.6, gpu=1, aside=1), work(1, 1, 4, "pi-1"), work(0, 0, 3, "pi-1", gpu=1)
    events = read(write_trace(made(tmp_path, ledger(*rows, waits=(wait(1, 2, SET_ASIDE),)), 6, gpus=2)).path)
    assert list(faults(events)) == []
    assert tracks(events) == ["server slot 1", "server slot 2"]


def test_works_that_share_the_processor_have_no_slots(tmp_path: Path) -> None:
    folder = made(tmp_path, ledger(work(0, 0, 4, share=0.5), work(0, 0, 4, "pi-1", share=0.5)), 4)
    serving(folder, queue={"name": "processor_sharing"})
    events = read(write_trace(folder).path)
    assert tracks(events) == ["server work 1 (processor_sharing)", "server work 2 (processor_sharing)"]
    assert [args["share"] for args in works(events)] == [0.5, 0.5]


def test_power_counts_the_share_of_a_slot(tmp_path: Path) -> None:
    rows = ledger(work(0, 0, 4, share=0.25), work(1, 1, 2, "pi-1", share=0.5))
    events = read(write_trace(made(tmp_path, rows, 4)).path)
    assert counter(events, "server power") == [(0, 110), (1, 210), (3, 110), (4, 0)]
    joules = sum(use.energy_j for use in uses(rows, POWER, ["pi-0", "pi-1"], 0, 4) if use.site == "server")
    assert joules == 110 + 2 * 210 + 110


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"queue": {"name": "fifo"}}, ""),
        ({"queue": {"name": "shortest_first", "preempt": True}}, " (shortest_first, preempt: true)"),
        ({"queue": "priority", "batching": None}, " (priority)"),
        ({"batching": {"most": 8, "wait": 0.005}}, " (passes of up to 8, wait: 5 ms)"),
    ],
)
def test_the_tracks_of_a_server_say_its_rule(tmp_path: Path, keys: Mapping[str, object], said: str) -> None:
    folder = made(tmp_path, served((0, 0, 4)), 4)
    serving(folder, **keys)
    assert tracks(read(write_trace(folder).path)) == [f"server compute{said}"]


def test_an_edge_is_found_by_its_label(tmp_path: Path) -> None:
    folder = made(tmp_path, Ledger(), 1)
    scenario = yaml.safe_load((folder / "scenario.yaml").read_text())
    scenario["world"]["edges"] = [
        {"name": "gpu", "label": "hall", "queue": "priority"},
        {"name": "gpu", "queue": "lifo"},
    ]
    (folder / "scenario.yaml").write_text(yaml.safe_dump(scenario))
    run = load_run(folder)
    assert [rule(run, name, "edge") for name in ("hall", "hall-1", "edge-0", "campus")] == [
        *("priority", "priority", "lifo", ""),
    ]


def test_a_ledger_of_an_earlier_version_is_read_as_one_gpu_without_passes(tmp_path: Path) -> None:
    folder = made(tmp_path, served((0, 0, 4), (1, 4, 1)), 5)
    new = read(write_trace(folder).path)
    place = folder / "ledger" / "FL-0"
    for name, columns in {"works": ["gpu", "share", "batch"], "sites": ["gpus", "above"]}.items():
        table = parquet.read_table(place / f"{name}.parquet")
        parquet.write_table(table.drop(columns), place / f"{name}.parquet")
    (place / "waits.parquet").unlink()
    assert read(write_trace(folder).path) == new
