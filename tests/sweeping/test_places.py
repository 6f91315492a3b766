"""What the page of a sweep shows of single points is what the trials there spent, and when."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from analysis import load_sweep
from analysis.interactive import sweep_places
from analysis.interactive.places import places
from analysis.interactive.sweep_places import round_data, where_data
from analysis.sweeps import Sweep
from tests.analysis.report_reading import valid
from tests.analysis.sweep_builder import HEAD, UPLINK, fabricate_sweep
from tests.sweeping.conftest import Write
from tests.sweeping.test_running import swept

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


def test_too_much_for_a_page_is_thinned_evenly(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    every = where_data(sweep)
    assert every is not None
    monkeypatch.setattr(sweep_places, "_MOST_CHARACTERS", len(json.dumps(every["rows"], separators=(",", ":"))) - 1)
    some = where_data(sweep)
    assert some is not None
    assert [len(axis["ticks"]) for axis in some["axes"]] == [2, 2]
    assert [axis["ticks"][-1] for axis in some["axes"]] == ["1", "30 Mbit/s"]
    assert {tuple(row[0]) for row in some["rows"]} == {(0, 0), (0, 1), (1, 0), (1, 1)}


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


def test_of_a_sample_the_points_are_the_axis(tmp_path: Path) -> None:
    zipped = [{UPLINK: RATES, HEAD: list("1234567")}]
    sweep = load_sweep(fabricate_sweep(tmp_path, {}, zipped=zipped))
    object.__setattr__(sweep, "together", ())  # as if the seven had been drawn from the grid of 49
    found = places(sweep, 3)
    assert (found.names, found.of) == (("Point",), {0: (0,), 3: (1,), 6: (2,)})
    assert found.ticks[0][1] == "3: rate 8 Mbit/s, head 4"
