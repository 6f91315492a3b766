"""What the page of a sweep shows of single points is what the trials there spent, and when."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis import load_sweep
from analysis.interactive import sweep_places
from analysis.interactive.places import places
from analysis.interactive.sweep import full_enough
from analysis.interactive.sweep_places import round_data, where_data
from analysis.sweeps import Sweep
from tests.helpers.reports import valid
from tests.helpers.small_sweeps import Write, swept
from tests.helpers.sweep_folders import HEAD, UPLINK, fabricate_sweep

RATES = [f"{rate} Mbit/s" for rate in (1, 2, 4, 8, 16, 32, 64)]


@pytest.fixture
def sweep(write: Write) -> Sweep:
    axes = {"algorithms.*.head": [0, 1], "world.devices.*.uplink.rate": ["1 Mbit/s", "20 Mbit/s", "30 Mbit/s"]}
    return load_sweep(swept(write(axes=axes, seeds=[0, 1])))


@pytest.mark.parametrize(
    ("of", "measures"),
    [("Bytes", ["bytes_up", "bytes_down"]), ("Energy", ["client_energy_j"])],
)
def test_pieces_add_up_to_what_the_devices_spent(sweep: Sweep, of: str, measures: list[str]) -> None:
    found = where_data(sweep)
    assert found is not None
    place = [each["name"] for each in found["of"]].index(of)
    wanted = sweep.summary.groupby(["point", "label"])[measures].mean().sum(axis=1)
    assert [each["name"] for each in found["axes"]] == ["head", "rate"]
    drawn = {(*at, sweep.labels[label]): sum(amounts[place]) for at, label, amounts in found["rows"]}
    assert len(drawn) == 12
    for (head, rate, label), total in drawn.items():  # points are numbered along the last axis first
        assert total == pytest.approx(wanted[3 * head + rate, label], rel=1e-3)


def test_time_is_that_of_all_devices_together(sweep: Sweep) -> None:
    """Each device computes, sends, receives or waits: no part of it overlaps here, so all add up to its engagement."""
    found = where_data(sweep)
    assert found is not None
    (amounts,) = (amounts[0] for at, label, amounts in found["rows"] if (at, sweep.labels[label]) == ([1, 0], "SFL"))
    rows = sweep.summary[(sweep.summary["point"] == 3) & (sweep.summary["label"] == "SFL")]
    engaged = [
        sweep.run(trial).engagements("SFL", seed)["seconds"].sum()
        for trial, seed in zip(rows["trial"], rows["seed"], strict=True)
    ]
    assert sum(amounts) == pytest.approx(sum(engaged) / 2, rel=1e-3)


def test_a_round_is_drawn_for_each_algorithm_and_place(sweep: Sweep) -> None:
    found = round_data(sweep)
    assert found is not None
    shown = {(*at, sweep.labels[label]): found["figures"][trial] for at, label, trial in found["rows"]}
    assert set(shown) == {(head, rate, label) for head in (0, 1) for rate in (0, 1, 2) for label in ("FL", "SFL")}
    for figure in found["figures"].values():
        valid(figure)
    assert shown[0, 1, "FL"] is shown[1, 1, "FL"], "FL knows no head: it is one trial"
    seconds = [shown[0, rate, "FL"]["layout"]["xaxis"]["range"][1] for rate in (0, 1)]
    assert seconds[0] > seconds[1], "uploads take longer on the slow link"


def test_without_ledgers_there_are_bars_but_no_rounds(write: Write) -> None:
    sweep = load_sweep(swept(write(axes={"algorithms.*.head": [0, 1]}), ledger=False))
    assert round_data(sweep) is None
    assert where_data(sweep) is not None


def test_where_nothing_tells_there_is_nothing(tmp_path: Path) -> None:
    sweep = load_sweep(fabricate_sweep(tmp_path, {HEAD: ["1", "2"]}))
    assert (where_data(sweep), round_data(sweep)) == (None, None)


def test_too_much_for_a_page_is_thinned_evenly(sweep: Sweep) -> None:
    every = where_data(sweep)
    assert every is not None
    assert every["said"] == ""
    size = len(json.dumps(every["rows"], separators=(",", ":")))
    some = where_data(sweep, size - 1)
    assert some is not None
    assert [len(axis["ticks"]) for axis in some["axes"]] == [2, 2]
    assert [axis["ticks"][-1] for axis in some["axes"]] == ["1", "30 Mbit/s"]
    assert {tuple(row[0]) for row in some["rows"]} == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert some["said"] == " Here are 4 of 6 points."
    assert where_data(sweep, 10) is None


def test_rounds_are_as_many_as_there_are_trials_to_draw(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six points of two algorithms are nine trials, as one of the algorithms knows no head."""
    for most, said in ((9, ""), (8, " Here are 4 of 6 points."), (1, " Here are 1 of 6 points.")):
        monkeypatch.setattr(sweep_places, "_MOST_TIMELINES", most)
        found = round_data(sweep)
        assert found is not None
        assert found["said"] == said
        assert len(found["figures"]) <= max(most, 2)  # one place has both algorithms


def test_rounds_for_which_there_is_no_room_are_fewer(sweep: Sweep) -> None:
    every = round_data(sweep)
    assert every is not None
    some = round_data(sweep, len(json.dumps(every["figures"])) // 2)
    assert some is not None
    assert 0 < len(some["rows"]) < len(every["rows"])
    assert round_data(sweep, 10) is None


@pytest.mark.parametrize("content", [b"", b"half a li", b"\xff\xfe", None])
def test_a_trial_whose_breakdown_cannot_be_read_is_left_out(sweep: Sweep, content: bytes | None) -> None:
    one, other = (
        sweep.folder / "trials" / sweep.summary["trial"].iloc[row] / "breakdown.csv" for row in sweep.seeds_at[3, "SFL"]
    )
    text = one.read_text()
    alone = load_sweep(sweep.folder)
    for path, left in ((one, 12), (other, 11)):  # one seed tells, or none does
        path.write_bytes(text.replace(",compute,", ",compute,much", 1).encode() if content is None else content)
        found = where_data(alone)
        assert found is not None
        assert len(found["rows"]) == left


def test_a_column_of_zeros_is_drawn_as_zeros(write: Write) -> None:
    off = {"idle": "0 W", "compute": "0 W", "upload": "0 W", "download": "0 W"}
    said = {"world.devices.0.power": off, "world.devices.1.power": off}
    sweep = load_sweep(swept(write(axes={"algorithms.*.head": [0, 1]}, set=said)))
    found = where_data(sweep)
    assert found is not None
    assert [sum(amounts[2]) for *_, amounts in found["rows"]] == [0.0] * 4
    assert {len(each) for *_, amounts in found["rows"] for each in amounts} == {len(found["pieces"])}


@pytest.mark.parametrize(
    ("most", "kept"), [(100, (7, 3)), (12, (4, 3)), (9, (3, 3)), (5, (2, 2)), (3, (1, 1)), (1, (1, 1))]
)
def test_a_grid_stays_a_grid(tmp_path: Path, most: int, kept: tuple[int, int]) -> None:
    sweep = load_sweep(fabricate_sweep(tmp_path, {UPLINK: RATES, HEAD: ["1", "2", "3"]}))
    found = places(sweep, most)
    assert tuple(map(len, found.ticks)) == kept
    assert len(found.of) == math.prod(kept) <= most
    ends = {1: ("8 Mbit/s", "8 Mbit/s")}.get(kept[0], (RATES[0], RATES[-1]))
    assert (found.ticks[0][0], found.ticks[0][-1]) == ends
    rows = sweep.summary.drop_duplicates("point").set_index("point")
    for point, at in found.of.items():
        written = [rows.loc[point, f"{key} text"] for key in (UPLINK, HEAD)]
        assert [ticks[own] for ticks, own in zip(found.ticks, at, strict=True)] == written


def holes(folder: Path, gone: Callable[[int, int], bool]) -> Sweep:
    """Seven rates by three heads, without the points at which a rate and a head (counted from 0) are gone."""
    zipped = [(rate, str(head + 1)) for place, rate in enumerate(RATES) for head in range(3) if not gone(place, head)]
    sweep = load_sweep(
        fabricate_sweep(folder, {}, zipped=[{UPLINK: [r for r, _ in zipped], HEAD: [h for _, h in zipped]}])
    )
    object.__setattr__(sweep, "together", ())  # as if they had been drawn from the grid
    return sweep


def test_a_grid_with_few_holes_keeps_all_its_points(tmp_path: Path) -> None:
    found = places(holes(tmp_path, lambda rate, head: (rate, head) in {(2, 1), (3, 1)}), 19, 40)
    assert ((len(found.names), *map(len, found.ticks)), len(found.of), found.left_out) == ((2, 7, 3), 19, 0)


def test_a_grid_whose_middle_is_a_hole_shows_points(tmp_path: Path) -> None:
    found = places(holes(tmp_path, lambda rate, head: (rate, head) == (3, 1)), 1)
    assert (found.names, len(found.of), found.left_out) == (("Point",), 1, 19)


def test_points_without_a_result_are_not_chosen(tmp_path: Path) -> None:
    axes = {UPLINK: RATES, HEAD: ["1", "2", "3"]}
    sweep = load_sweep(fabricate_sweep(tmp_path, axes, failed=lambda _, place, __: place[UPLINK] != RATES[1]))
    assert set(places(sweep, 2).of) <= {3, 4, 5}


@pytest.mark.parametrize("most_values", [None, 2])
def test_of_a_sample_the_points_are_the_axis(tmp_path: Path, most_values: int | None) -> None:
    sweep = holes(tmp_path, lambda rate, head: rate % 3 != head)  # a third of the grid
    found = places(sweep, 3, most_values)
    assert (found.names, found.left_out) == (("Point",), 4 if most_values is None else 5)
    assert found.of == ({0: (0,), 3: (1,), 6: (2,)} if most_values is None else {0: (0,), 6: (1,)})
    assert found.ticks[0][-1] == "6: rate 64 Mbit/s, head 1"


def test_points_at_one_place_are_shown_each(tmp_path: Path) -> None:
    """Of axes that move as one the first alone is drawn: here it does not tell the points apart."""
    zipped = [{UPLINK: ["1 Mbit/s", "1 Mbit/s", "2 Mbit/s"], HEAD: ["1", "2", "2"]}]
    sweep = load_sweep(fabricate_sweep(tmp_path, {}, zipped=zipped))
    assert not full_enough(sweep)
    assert places(sweep, 9).ticks == (
        ("0: rate 1 Mbit/s, head 1", "1: rate 1 Mbit/s, head 2", "2: rate 2 Mbit/s, head 2"),
    )
