"""What a report says beside its measures: memory that is not there, cuts per device, compression, how to reproduce."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from analysis import load_run, write_comparison, write_report
from analysis.interactive.totals import totals_figure
from analysis.quantities import measure_of
from analysis.remarks import remarks
from tests.helpers.reports import Page
from tests.helpers.run_folders import fabricate

PI, HUB = {"name": "pi", "count": 2, "memory": "50 MB"}, {"name": "hub", "count": 1, "memory": "1 GiB"}


def a_run(folder: Path, on_oom: str = "ignore", name: str = "made up", **trial: object) -> Path:
    """A run of FL (60 MB on a device, 8 MB at the server) and SFPrompt (22 MB and 240 MB); `trial` is of SFPrompt."""
    fabricate(folder, name=name)
    server = {"name": "gpu", "slots": 1, "memory": "200 MB"}
    change(folder, world={"on_oom": on_oom, "devices": [PI, HUB], "server": server})
    head = json.loads((folder / "summary.json").read_text())
    head["trials"][0] |= {"devices_too_small": [], "cuts": []}
    head["trials"][1] |= {"devices_too_small": [], "cuts": []} | trial
    (folder / "summary.json").write_text(json.dumps(head))
    return folder


def change(folder: Path, **keys: object) -> None:
    """Change keys of a run's scenario."""
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | keys))


def said(folder: Path) -> list[str]:
    run = load_run(folder)
    return remarks({label: (run, label) for label in run.labels})


def test_memory_that_was_not_there_is_told(tmp_path: Path) -> None:
    folder = a_run(tmp_path)
    found = said(folder)
    assert found == [
        "FL needs up to 60 MB on a device; pi has 50 MB: wherever chosen, counted as if it had enough.",
        "SFPrompt needs 240 MB at the server; gpu has 200 MB: counted as if it had enough.",
    ]
    assert all(remark in Page.of(write_report(folder, [])).text for remark in found)


def test_where_a_scenario_does_not_ignore_memory_nothing_was_counted_as_if(tmp_path: Path) -> None:
    assert said(a_run(tmp_path, on_oom="skip")) == []


def test_with_cuts_of_their_own_it_is_not_sure_which_device_needs_most(tmp_path: Path) -> None:
    cuts = [{"device": "pi-0", "head": 1, "tail": 0}, {"device": "hub-0", "head": 2, "tail": 0}]
    found = said(a_run(tmp_path, cuts=cuts, peak_client_memory_bytes=60e6))
    assert "SFPrompt needs up to 60 MB on a device; pi has 50 MB: wherever chosen, perhaps counted as if" in found[1]


def test_devices_left_out_are_counted_by_their_kind(tmp_path: Path) -> None:
    found = said(a_run(tmp_path, on_oom="skip", devices_too_small=["pi-4-0", "pi-4-1", "hub-0"]))
    assert found == [
        "SFPrompt leaves out devices whose memory is too small for it: hub (1 device) and pi-4 (2 devices)."
    ]


def test_cuts_that_were_chosen_are_told_by_kind_of_device(tmp_path: Path) -> None:
    cuts = [{"device": f"pi-{i}", "head": 4, "tail": 0} for i in range(2)] + [{"device": "hub-0", "head": 8, "tail": 1}]
    found = said(a_run(tmp_path, on_oom="error", cuts=cuts))
    wanted = "pi: head 4 (2 devices); hub: head 8, tail 1 (1 device)."
    assert found == [f"SFPrompt has cuts that were chosen per device. {wanted}"]


@pytest.mark.parametrize(
    ("shared", "own", "wanted"),
    [
        ({"smashed data": {"name": "int8"}}, {}, ["SFPrompt sends smashed data compressed by int8."]),
        ({"smashed data down": {"name": "int8"}}, {}, []),  # which goes up
        ({"smashed data": {"name": "int8"}}, {"smashed data": None}, []),
        (
            {"smashed data": {"name": "int8"}},
            {"smashed data": {"name": "top_k"}, "model up": {"name": "fp16"}},
            ["SFPrompt sends smashed data compressed by top_k and model up compressed by fp16."],
        ),
    ],
)
def test_compression_is_told_of_who_sends_what_it_is_for(
    tmp_path: Path, shared: dict[str, object], own: dict[str, object], wanted: list[str]
) -> None:
    folder = a_run(tmp_path, on_oom="error")
    entries = [{"name": "fedavg", "label": "FL"}, {"label": "SFPrompt", "training": {"compression": own}}]
    change(folder, training={"compression": shared}, algorithms=entries)
    assert said(folder) == wanted


def test_a_run_that_tells_none_of_this_has_no_remarks(tmp_path: Path) -> None:
    assert said(fabricate(tmp_path)) == []


def test_a_comparison_goes_by_each_runs_own_scenario(tmp_path: Path) -> None:
    folders = a_run(tmp_path / "1", name="one"), a_run(tmp_path / "2", name="two", on_oom="skip")
    text = Page.of(write_comparison(folders, tmp_path / "both.html")).text
    assert "FL (one) needs up to 60 MB on a device" in text
    assert "FL (two) needs" not in text


def test_reproducing_writes_beside_nothing_that_is_there(tmp_path: Path) -> None:
    text = Page.of(write_report(fabricate(tmp_path, dry=True), [])).text
    assert "sfsim run scenario.yaml --dry --out again sfsim report ." in text


def test_bars_begin_at_zero_however_far_they_lie_apart(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path, dry=True))
    run.summary["sim_time_s"] = [1.0, 1e6]
    axis = totals_figure(run, measure_of(run.summary, "sim_time_s"))["layout"]["xaxis"]
    assert (axis.get("type", "linear"), axis["rangemode"]) == ("linear", "tozero")
