"""The Pareto front is what brute force says, and the picture names it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.text import Annotation

from analysis import RunError, load_run, load_sweep, pareto_front, plot_pareto
from analysis.pareto import spots
from tests.helpers.run_folders import fabricate
from tests.helpers.sweep_folders import HEAD, UPLINK, fabricate_sweep

NUMBERS = st.sampled_from([0.0, 1.0, 2.0, 2.5, 7.0, float("nan")])


def names(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts if isinstance(text, Annotation) and text.get_fontweight() == "bold"]


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=9))
def test_the_front_is_what_brute_force_finds(points: list[tuple[float, float]]) -> None:
    known = [place for place, point in enumerate(points) if not any(map(math.isnan, point))]
    free = set()
    for place in known:
        cost, gain = points[place]
        rivals = [points[other] for other in known if points[other] != points[place]]
        if not any(rival[0] <= cost and rival[1] >= gain for rival in rivals):
            free.add(place)
    front = pareto_front([cost for cost, _ in points], [gain for _, gain in points])
    assert set(front) == free
    assert len(front) == len(free)
    assert [points[place][0] for place in front] == sorted(points[place][0] for place in front)


def test_a_run_has_a_spot_a_label_by_its_mean(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path, seeds=(0, 1)))
    means = run.summary.groupby("label")[["bytes_up", "bytes_down", "settled_accuracy"]].mean()
    for spot in spots(run, "bytes"):
        row = means.loc[spot.label]
        assert spot.cost == pytest.approx(row["bytes_up"] + row["bytes_down"])
        assert spot.accuracy == pytest.approx(row["settled_accuracy"])
    assert sorted(names(plot_pareto(run, "bytes"))) == ["FL", "SFPrompt"]


def test_points_that_share_their_trials_or_come_out_alike_are_one_spot(tmp_path: Path) -> None:
    sweep = load_sweep(fabricate_sweep(tmp_path, {UPLINK: ["1 Mbit/s", "10 Mbit/s"], HEAD: ["0", "1"]}))
    found = {(spot.label, spot.settings) for spot in spots(sweep, "sim_time_s")}
    both = [f"rate {rate}, head {head}" for rate in ("1 Mbit/s", "10 Mbit/s") for head in (0, 1)]
    alone = {("FL", "rate 1 Mbit/s"), ("FL", "rate 10 Mbit/s")}
    assert found == alone | {("SFPrompt", settings) for settings in both}
    assert {(spot.label, spot.settings) for spot in spots(sweep, "bytes")} == {
        ("FL", ""),
        ("SFPrompt", "head 0"),
        ("SFPrompt", "head 1"),
    }


def test_the_step_runs_along_the_front(tmp_path: Path) -> None:
    heads = ["0", "1", "2", "3"]
    ax = plot_pareto(load_sweep(fabricate_sweep(tmp_path, {HEAD: heads, UPLINK: ["10 Mbit/s"]})), "bytes")
    (stairs,) = (line for line in ax.get_lines() if line.get_gid() == "curve")
    assert stairs.get_drawstyle() == "steps-post"
    assert np.asarray(stairs.get_xdata()) == pytest.approx([30, 31.5, 33, 34.5, 120, 120])
    assert np.asarray(stairs.get_ydata()) == pytest.approx([0.784, 0.804, 0.824, 0.844, 0.914, 0.914])
    assert ax.get_xlabel() == "traffic, up and down (MB)"
    assert set(names(ax)) == {*(f"SFPrompt, head {head}" for head in heads), "FL"}
    (caption,) = (text.get_text() for text in ax.texts if text.get_gid() == "caption")
    assert caption == "one seed; the step joins the 5 of 5 that no other beats in both"


def test_a_long_front_is_numbered_and_listed(tmp_path: Path) -> None:
    heads = [str(head) for head in range(9)]
    sweep = load_sweep(fabricate_sweep(tmp_path, {HEAD: heads, UPLINK: ["10 Mbit/s"]}, labels=("SFPrompt",)))
    ax = plot_pareto(sweep, "bytes")
    assert sorted(names(ax), key=int) == [str(number) for number in range(1, 10)]
    legend = ax.get_legend()
    assert legend is not None
    listed = [text.get_text() for text in legend.get_texts()]
    assert listed == ["SFPrompt", *(f"{number}  SFPrompt, head {number - 1}" for number in range(1, 10))]


def test_dry_and_wrong_asks_are_said(tmp_path: Path) -> None:
    ax = plot_pareto(load_run(fabricate(tmp_path, dry=True)))
    assert "dry run: no accuracy" in [text.get_text() for text in ax.texts]
    with pytest.raises(RunError, match="no measure 'sim_time'; did you mean 'sim_time_s'"):
        plot_pareto(load_run(tmp_path), "sim_time")
    with pytest.raises(RunError, match="'final_loss' is not an accuracy"):
        plot_pareto(load_run(tmp_path), accuracy="final_loss")
