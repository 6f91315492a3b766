"""The breakdown, the timeline and the files that all figures become."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation

from analysis import (
    device_shares,
    load_run,
    plot_accuracy_vs_time,
    plot_round_timeline,
    plot_where_it_goes,
    style,
    write_figures,
)
from analysis.lanes import Span, slots
from analysis.spans import MOST_DEVICES, read_timeline, usual_round
from analysis.timeline import _joined
from tests.helpers.figures import is_drawn
from tests.helpers.run_folders import fabricate

NAMES = ["accuracy_vs_time", "accuracy_vs_bytes", "accuracy_vs_energy", "where_it_goes", "round_timeline"]
FOUR = {
    "labels": ("FL", "SFL+FF", "SFL+Linear", "SFPrompt"),
    "algorithms": ("fedavg", "splitfed", "linear", "sfprompt"),
}


@pytest.mark.parametrize(
    "shape",
    [
        {"seeds": (0, 1), "rounds": 2, "batches": 1, **FOUR},
        {"dry": True, "labels": ("FL",), "rounds": 1, "devices": 1, "per_round": 1, "batches": 1},
        {"target": None, "rounds": 1, "per_round": 1, "labels": ("$x_2$", "_字 <b>")},
    ],
    ids=["four algorithms", "dry and one of everything", "odd labels"],
)
def test_all_figures_are_drawn_in_order_and_nothing_else_is_left(tmp_path: Path, shape: dict[str, object]) -> None:
    paths = write_figures(fabricate(tmp_path, **shape))  # type: ignore[arg-type]
    assert paths == [tmp_path / "figures" / f"{name}.png" for name in NAMES]
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == sorted(path.name for path in paths)
    assert all(is_drawn(path) for path in paths)


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path, rounds=2, labels=("FL", "B")))
    for name in ("first", "second"):
        style.save(style.figure_of(plot_accuracy_vs_time(run)).figure, tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_a_figure_that_cannot_be_saved_leaves_the_old_one_and_no_scraps(tmp_path: Path) -> None:
    path = tmp_path / "figure.png"
    path.write_bytes(b"old")

    class Broken(Figure):
        def savefig(self, fname: Path, **_: object) -> None:  # type: ignore[override]
            fname.write_bytes(b"half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        style.save(Broken(), path)
    assert [p.name for p in tmp_path.iterdir()] == ["figure.png"]
    assert path.read_bytes() == b"old"


def test_shares_add_up_to_the_summary(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path, seeds=(0, 1), **FOUR))  # type: ignore[arg-type]
    means = run.summary.groupby("label", sort=False).mean(numeric_only=True)
    by_label = {column: device_shares(run, column).groupby("label")[column].sum() for column in ("bytes", "energy_j")}
    for label in run.labels:
        traffic = means.loc[label, "bytes_up"] + means.loc[label, "bytes_down"]  # type: ignore[operator]
        assert by_label["bytes"][label] == pytest.approx(traffic)
        assert by_label["energy_j"][label] == pytest.approx(means.loc[label, "client_energy_j"])


def test_shares_by_hand_with_waiting_and_idling_apart(tmp_path: Path) -> None:
    fabricate(tmp_path, labels=("FL",), seeds=(0, 1), rounds=1)
    rows = [
        ("client", "training", "compute", 8.0, 0, 32.0),
        ("client", "training", "wait", 1.0, 0, 0.0),
        ("client", "aggregation", "wait", 2.0, 0, 0.0),
        ("client", "idle", "idle", 11.0, 0, 22.0),
        ("server", "aggregation", "compute", 5.0, 0, 99.0),
    ]
    frame = pd.DataFrame(rows, columns=["side", "phase", "activity", "seconds", "bytes", "energy_j"])
    both = [frame.assign(algorithm="fedavg", label="FL", seed=seed, flops=0) for seed in (0, 1)]
    pd.concat(both).to_csv(tmp_path / "breakdown.csv", index=False)
    run = load_run(tmp_path)
    seconds = device_shares(run, "seconds").groupby("phase")["seconds"].sum()
    assert dict(seconds) == {"training": 8.0, style.WAITING: 3.0}
    joules = device_shares(run, "energy_j").groupby("phase")["energy_j"].sum()
    assert dict(joules) == {"training": 32.0, style.IDLE: 22.0}


def test_bars_end_with_their_totals(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path, **FOUR))  # type: ignore[arg-type]
    axes = plot_where_it_goes(run)
    assert [ax.get_title(loc="left") for ax in axes] == ["Device time", "Traffic", "Device energy"]
    assert [text.get_text() for text in axes[0].get_yticklabels()] == run.labels
    for ax in axes:
        bars = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
        for line, total in enumerate(ax.texts):
            here = [bar for bar in bars if bar.get_y() < line < bar.get_y() + bar.get_height()]
            assert isinstance(total, Annotation)
            assert total.xy == (pytest.approx(max(bar.get_x() + bar.get_width() for bar in here)), line)


def test_the_usual_round_provisions_nothing(tmp_path: Path) -> None:
    assert usual_round(load_run(fabricate(tmp_path / "a", rounds=6, devices=4, **FOUR))) == 4  # type: ignore[arg-type]
    assert usual_round(load_run(fabricate(tmp_path / "b", rounds=3, labels=("FL",)))) == 2
    assert usual_round(load_run(fabricate(tmp_path / "c", rounds=1))) == 1
    always = fabricate(tmp_path / "d", rounds=3, devices=9, per_round=2, **FOUR)  # type: ignore[arg-type]
    assert usual_round(load_run(always)) == 2


def test_a_timeline_holds_every_work_and_transfer_of_its_round(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path, labels=("SFL+FF",), algorithms=("splitfed",), per_round=3))
    works, transfers = run.works("SFL+FF", 0, round=2), run.transfers("SFL+FF", 0, round=2)
    timeline = read_timeline(run, "SFL+FF", 2)
    assert [name for name, _ in timeline.sites[0].lanes] == ["compute", "up", "down"]
    assert timeline.sites[-1].name == "server"
    assert (timeline.devices, len(timeline.sites)) == (3, 4)
    spans = [span for site in timeline.sites for _, lane in site.lanes for span in lane]
    assert len(spans) == len(works) + len(transfers)
    assert min(start for start, *_ in spans) == 0
    assert max(span.start + span.seconds for span in spans) == pytest.approx(timeline.seconds)
    finishes = [max(s + t for _, lane in site.lanes for s, t, *_ in lane) for site in timeline.sites[:-1]]
    assert finishes == sorted(finishes)


def test_of_many_devices_the_fastest_and_the_slowest_are_shown(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path, labels=("FL",), devices=20, per_round=20, rounds=2, batches=1))
    sent = run.transfers("FL", 0, round=2)
    finish = (sent["start"] + sent["seconds"]).groupby(sent["client"]).max()
    timeline = read_timeline(run, "FL", 2)
    shown = [site.name for site in timeline.sites[:-1]]
    assert len(set(shown)) == MOST_DEVICES
    assert finish[shown[0]] == finish.min()
    assert finish[shown[-1]] == finish.max()
    (ax,) = plot_round_timeline(run)
    assert ax.get_title(loc="left").endswith(f"{MOST_DEVICES} of 20 devices")


def test_works_that_overlap_get_lanes_of_their_own() -> None:
    lanes = slots([(0.0, 2.0, "a"), (1.0, 2.0, "b"), (2.0, 1.0, "c"), (2.5, 1.0, "d")])
    assert lanes == [
        ("slot 1", [(0.0, 2.0, "a"), (2.0, 1.0, "c")]),
        ("slot 2", [(1.0, 2.0, "b")]),
        ("slot 3", [(2.5, 1.0, "d")]),
    ]
    assert slots([]) == [("compute", [])]


def test_the_last_lane_says_that_works_on_it_overlap() -> None:
    lanes = [name for name, _ in slots([Span(n / 10, 2.0, "a") for n in range(8)], "work")]
    assert lanes == [*(f"work {n}" for n in range(1, 6)), "work 6 and on"]


def test_gaps_that_nobody_sees_are_closed_and_specks_stay_visible() -> None:
    assert _joined([(0.0, 1.0), (1.0001, 1.0), (2.5, 1.0)], 10.0) == [(0.0, pytest.approx(2.0001)), (2.5, 1.0)]
    ((start, seconds),) = _joined([(5.0, 1e-9)], 10.0)
    assert (start, seconds) == (5.0, pytest.approx(10 / 800))


def test_a_phase_has_one_colour_in_every_figure() -> None:
    few, many = (
        style.phase_colours(["model exchange", "training"]),
        style.phase_colours(["idle power", "model exchange", "x", "y"]),
    )
    assert few["model exchange"] == many["model exchange"]
    assert len(set(many.values())) == 4
    assert list(many) == ["model exchange", "x", "y", "idle power"]
