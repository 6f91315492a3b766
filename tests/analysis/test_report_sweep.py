"""The report of a sweep: its numbers are those of the frames, and what failed is said."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from analysis import RunError, load_sweep, report_sweep, winner_map, write_sweep_report
from analysis.interactive import sweep as interactive
from analysis.interactive.pareto import pareto_chart, pareto_figure
from analysis.interactive.sweep import sweep_data
from analysis.pareto import pareto_front, spots
from analysis.verdict import verdict_of_sweep
from tests.helpers.reports import MOST_BYTES, Page, valid
from tests.helpers.sweep_folders import BATCH, HEAD, UPLINK, costs, fabricate_sweep

AXES = {UPLINK: ["1 Mbit/s", "4 Mbit/s", "16 Mbit/s", "64 Mbit/s"], HEAD: ["1", "2", "3"]}
LABELS = ("FL", "SFPrompt", "SFL")


def page(folder: Path) -> Page:
    return Page.of(write_sweep_report(folder, []))


def test_the_report_is_one_file_that_asks_for_nothing(tmp_path: Path) -> None:
    # FL knows no head: its four trials stand for all three
    found = page(fabricate_sweep(tmp_path, AXES, LABELS))
    assert found.requested == []
    assert len(found.html.encode()) < MOST_BYTES
    for words in (UPLINK, "12", "28 of 28 done", "sfsim sweep sweep.yaml", "The base scenario"):
        assert words in found.text
    assert "no result" not in found.text


def test_it_begins_with_the_verdict(tmp_path: Path) -> None:
    folder = fabricate_sweep(tmp_path, AXES, LABELS)
    found = page(folder)
    places = [found.text.index(words) for words in (*verdict_of_sweep(load_sweep(folder)).sentences, "Over the axes")]
    assert places == sorted(places)


def test_rows_are_the_means_of_the_frames(tmp_path: Path) -> None:
    sweep = load_sweep(fabricate_sweep(tmp_path, AXES, LABELS, seeds=(0, 1)))
    data = sweep_data(sweep)
    wanted = sweep.means([UPLINK, HEAD], "sim_time_s").set_index([UPLINK, HEAD, "label"])
    place = [what["column"] for what in data["measures"]].index("sim_time_s")
    assert len(data["rows"]) == len(wanted)
    for _, label, at, status, means, spread, seeds in data["rows"]:
        key = (*(axis.values[own] for axis, own in zip(sweep.dimensions, at, strict=True)), LABELS[label])
        own = wanted.loc[key]
        assert (means[place], *spread[place]) == pytest.approx((own["mean"], own["low"], own["high"]), rel=1e-4)
        assert status == "done"
        assert (seeds if isinstance(seeds, int) else seeds[place]) == own["seeds"]


@pytest.mark.parametrize("measure", ["sim_time_s", "time_to_target_s", "bytes"])
def test_winners_are_those_of_the_map(tmp_path: Path, measure: str) -> None:
    lost = {"failed": lambda label, place, _: label == "FL" and place[HEAD] == "2",
            "missing": lambda _, place, __: place[UPLINK] == "4 Mbit/s" and place[HEAD] == "3"}  # fmt: skip
    sweep = load_sweep(fabricate_sweep(tmp_path, AXES, LABELS, **lost))  # type: ignore[arg-type]
    data, wanted = sweep_data(sweep), winner_map(sweep, UPLINK, HEAD, measure)
    column = [what["column"] for what in data["measures"]].index(measure)
    x, y = sweep.axis(UPLINK), sweep.axis(HEAD)
    places = {row[0]: row[2] for row in data["rows"]}
    for point, won in zip(data["points"], data["winners"], strict=True):
        at = places[point]
        assert tuple(LABELS[label] for label in won[column]) == wanted.loc[y.values[at[1]], x.values[at[0]]]


def test_trials_that_failed_are_listed_with_their_message(tmp_path: Path) -> None:
    text = page(fabricate_sweep(tmp_path, AXES, failed=lambda label, place, _: label == "SFPrompt")).text
    assert "12 trials of this sweep have no result" in text
    assert "devices.pi: the model does not fit" in text


def test_a_sweep_of_which_nothing_is_done_is_still_reported(tmp_path: Path) -> None:
    found = page(fabricate_sweep(tmp_path, AXES, failed=lambda *_: True))
    assert "16 trials of this sweep have no result" in found.text
    assert found.charts == {}


def test_a_sweep_with_accuracy_has_all_its_points_and_their_front(tmp_path: Path) -> None:
    sweep = load_sweep(fabricate_sweep(tmp_path, AXES, LABELS))
    figure = pareto_figure(sweep, "sim_time_s")
    valid(figure)
    found = spots(sweep, "sim_time_s")
    front = pareto_front([spot.cost for spot in found], [spot.accuracy for spot in found])
    stairs, *points = figure["data"]
    assert sum(len(trace["x"]) for trace in points) == len(found)
    assert stairs["y"][:-1] == pytest.approx([found[place].accuracy for place in front], rel=1e-5)


def test_a_dry_sweep_offers_no_accuracy(tmp_path: Path) -> None:
    found = page(fabricate_sweep(tmp_path, AXES, dry=True))
    assert not [what for what in found.data["sweep"]["measures"] if what["kind"] == "fraction"]
    assert found.charts == {}


@pytest.mark.parametrize("lost", [0, 3])
def test_losses_are_offered_only_where_there_are_any(tmp_path: Path, lost: int) -> None:
    def formula(*args: Any) -> dict[str, Any]:
        return costs(*args) | {"lost_updates": lost, "wasted_energy_j": 2.5 * lost}

    data = sweep_data(load_sweep(fabricate_sweep(tmp_path, {UPLINK: ["1 Mbit/s", "2 Mbit/s"]}, formula=formula)))
    columns = [measure["column"] for measure in data["measures"]]
    assert columns[-2:] == ["lost_updates", "wasted_energy_j"] if lost else "lost_updates" not in columns


@pytest.mark.parametrize("even", [True, False])
def test_updates_are_offered_only_where_not_all_aggregate_the_same(tmp_path: Path, even: bool) -> None:
    def formula(label: str, *args: Any) -> dict[str, Any]:
        return costs(label, *args) | {"updates": 4 if even else len(label), "energy_per_update_j": 0.5}

    data = sweep_data(load_sweep(fabricate_sweep(tmp_path, {UPLINK: ["1 Mbit/s", "2 Mbit/s"]}, formula=formula)))
    columns = [measure["column"] for measure in data["measures"]]
    assert [column for column in columns if "update" in column] == ([] if even else ["updates", "energy_per_update_j"])
    if not even:
        assert not any(won[columns.index("updates")] for won in data["winners"]), "more of them are no better"


def test_axes_that_move_as_one_are_one(tmp_path: Path) -> None:
    folder = fabricate_sweep(
        tmp_path, {HEAD: ["1", "2"]}, zipped=[{UPLINK: ["1 Mbit/s", "2 Mbit/s"], BATCH: ["8", "16"]}]
    )
    assert len(page(folder).data["sweep"]["axes"]) == 2


def test_too_many_points_lose_measures_first_and_say_how_many_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fabricate_sweep(tmp_path, AXES, LABELS)
    every = len(sweep_data(load_sweep(folder))["measures"])
    monkeypatch.setattr(interactive, "_MOST_CHARACTERS", 1500)
    data = sweep_data(load_sweep(folder))
    assert len(data["measures"]) == 6 < every
    assert 0 < data["left_out"] < 12
    assert len(data["points"]) + data["left_out"] == 12
    assert {row[0] for row in data["rows"]} == set(data["points"])
    assert "no room here" in page(folder).text


def test_all_that_is_drawn_has_room_on_one_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fabricate_sweep(tmp_path, AXES, LABELS, whole=True)
    every = page(folder).data["sweep"]
    single = len(json.dumps([every.pop("where"), every.pop("round")]))
    rest = len(json.dumps([every, pareto_chart(load_sweep(folder)).figures]))  # type: ignore[union-attr]
    monkeypatch.setattr(report_sweep, "_ROOM", rest + single // 2)
    found = page(folder)
    assert 0 < len(json.dumps([found.data["sweep"]["where"], found.data["sweep"]["round"]])) < single / 2
    assert "of 12 points" in found.text
    monkeypatch.setattr(report_sweep, "_ROOM", rest)
    assert "At single points" not in page(folder).text


def test_no_number_is_one_that_json_lacks(tmp_path: Path) -> None:
    data = sweep_data(load_sweep(fabricate_sweep(tmp_path, AXES, LABELS)))
    for *_, means, _, _ in data["rows"]:
        assert all(mean is None or math.isfinite(mean) for mean in means)


def test_what_is_no_sweep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a sweep folder"):
        write_sweep_report(tmp_path, [])
