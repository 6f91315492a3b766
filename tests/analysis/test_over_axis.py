"""Lines over one axis are the means over seeds, at the values of the axis, and the files of a sweep are drawn."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.text import Annotation

from analysis import load_sweep, plot_over_axis, write_sweep_figures
from analysis.over_axis import over_axis
from analysis.sweep_figures import COSTS
from tests.helpers.figures import is_drawn
from tests.helpers.sweep_folders import BATCH, HEAD, UPLINK, Place, fabricate_sweep, mbits

RATES = ["1 Mbit/s", "10 Mbit/s", "100 Mbit/s"]


def seconds(label: str, place: Place, seed: int) -> dict[str, float | None]:
    return {"sim_time_s": 60.0 * (1 + seed) * (2 if label == "FL" else 1) / mbits(place[UPLINK]) ** 0.5}


def curves(ax: Axes) -> list[Line2D]:
    return [line for line in ax.get_lines() if line.get_gid() == "curve"]


def ticks(ax: Axes) -> dict[float, str]:
    labels = ax.get_xticklabels()
    return {float(at): label.get_text() for at, label in zip(ax.get_xticks(), labels, strict=True)}


def caption(ax: Axes) -> str:
    (text,) = (text.get_text() for text in ax.texts if text.get_gid() == "caption")
    return text


def test_means_and_bands_by_hand(tmp_path: Path) -> None:
    sweep = load_sweep(fabricate_sweep(tmp_path, {UPLINK: RATES}, seeds=(0, 1), formula=seconds))
    rows = over_axis(sweep, UPLINK, "sim_time_s", "FL")
    root = np.sqrt([1, 10, 100])
    assert list(rows["x"]) == [1.25e5, 1.25e6, 1.25e7]
    assert list(rows["mean"]) == pytest.approx(180 / root)
    assert [list(rows["low"]), list(rows["high"])] == [pytest.approx(120 / root), pytest.approx(240 / root)]
    spread = over_axis(sweep, UPLINK, "sim_time_s", "FL", "std")
    deviation = math.sqrt(2 * 60**2) / root
    assert list(spread["low"]) == pytest.approx(180 / root - deviation)
    assert list(spread["high"]) == pytest.approx(180 / root + deviation)
    assert list(rows["seeds"]) == [2, 2, 2]


def test_lines_stand_at_the_values_with_their_names_at_the_end(tmp_path: Path) -> None:
    sweep = load_sweep(fabricate_sweep(tmp_path, {UPLINK: RATES}, seeds=(0, 1), formula=seconds))
    ax = plot_over_axis(sweep, "rate")
    assert ax.get_xscale() == "log"
    assert ticks(ax) == dict(zip((1.25e5, 1.25e6, 1.25e7), RATES, strict=True))
    assert [line.get_label() for line in curves(ax)] == ["FL", "SFPrompt"]
    assert np.asarray(curves(ax)[0].get_ydata()) == pytest.approx(3 / np.sqrt([1, 10, 100]))  # minutes
    assert (ax.get_xlabel(), ax.get_ylabel()) == (UPLINK, "simulated time (min)")
    names = [text for text in ax.texts if isinstance(text, Annotation) and text.get_fontweight() == "bold"]
    assert [text.get_text() for text in names] == ["FL", "SFPrompt"]
    assert not names[0].get_window_extent().overlaps(names[1].get_window_extent())
    assert caption(ax) == "mean of 2 seeds; band from the lowest to the highest"
    assert len(ax.collections) == 2
    assert caption(plot_over_axis(sweep, "rate", band="std")).endswith("band of one standard deviation each way")


def test_words_stand_one_after_the_other_and_even_steps_on_a_linear_axis(tmp_path: Path) -> None:
    formula = lambda label, place, seed: {"sim_time_s": 1.0}  # noqa: E731
    words = load_sweep(fabricate_sweep(tmp_path / "a", {"model.name": ["vit_tiny", "vit_base"]}, formula=formula))
    assert ticks(plot_over_axis(words, "model.name")) == {0.0: "vit_tiny", 1.0: "vit_base"}
    steps = load_sweep(fabricate_sweep(tmp_path / "b", {HEAD: ["3", "1", "2"]}, formula=formula))
    ax = plot_over_axis(steps, HEAD)
    assert ax.get_xscale() == "linear"
    assert ticks(ax) == {1.0: "1", 2.0: "2", 3.0: "3"}


def test_crowded_ticks_are_left_out(tmp_path: Path) -> None:
    values = [str(number) for number in (1, *range(100, 140))]
    formula = lambda label, place, seed: {"sim_time_s": 1.0}  # noqa: E731
    sweep = load_sweep(fabricate_sweep(tmp_path, {BATCH: values}, labels=("FL",), formula=formula))
    ax = plot_over_axis(sweep, BATCH)
    boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
    assert len(boxes) > 1
    assert not any(first.overlaps(second) for first, second in itertools.pairwise(boxes))


def test_a_gap_stays_a_gap_and_is_counted(tmp_path: Path) -> None:
    sweep = load_sweep(
        fabricate_sweep(
            tmp_path,
            {UPLINK: RATES},
            formula=seconds,
            failed=lambda label, place, _: label == "FL" and place[UPLINK] == RATES[1],
        )
    )
    ax = plot_over_axis(sweep, UPLINK)
    assert np.isnan(np.asarray(curves(ax)[0].get_ydata())).tolist() == [False, True, False]
    assert caption(ax) == "one seed; 1 of 6 trials failed or missing"


def test_values_far_apart_make_a_logarithmic_axis_with_units(tmp_path: Path) -> None:
    formula = lambda label, place, seed: {"sim_time_s": 1.0 if label == "FL" else 7200.0}  # noqa: E731
    ax = plot_over_axis(load_sweep(fabricate_sweep(tmp_path, {UPLINK: RATES}, formula=formula)), UPLINK)
    assert (ax.get_yscale(), ax.get_ylabel()) == ("log", "simulated time")
    assert np.asarray(curves(ax)[1].get_ydata()) == pytest.approx([7200.0] * 3)


def test_a_dry_sweep_says_so(tmp_path: Path) -> None:
    ax = plot_over_axis(load_sweep(fabricate_sweep(tmp_path, {UPLINK: RATES}, dry=True)), UPLINK, "final_accuracy")
    assert "dry run: no accuracy" in [text.get_text() for text in ax.texts]


PARETO = [f"pareto_{cost}" for cost in COSTS]
DRY = ["sim_time_s", "bytes", "client_energy_j"]


@pytest.mark.parametrize(
    ("axes", "dry", "wanted"),
    [
        ({UPLINK: RATES[:2]}, True, [f"over_axis_{name}" for name in DRY]),
        (
            {UPLINK: RATES[:2], HEAD: ["0", "1"], BATCH: ["16", "32", "64"]},
            True,
            [f"{kind}_{name}" for name in DRY for kind in ("heat_map", "break_even")],
        ),
        ({UPLINK: ["1 Mbit/s"]}, False, PARETO),
    ],
    ids=["one axis, dry", "three axes, dry", "none that varies"],
)
def test_a_sweep_gets_the_figures_that_suit_its_axes(
    tmp_path: Path, axes: dict[str, list[str]], dry: bool, wanted: list[str]
) -> None:
    paths = write_sweep_figures(fabricate_sweep(tmp_path, axes, ("$x_2$", "_字 <b>"), dry=dry))
    assert paths == [tmp_path / "figures" / f"{name}.png" for name in wanted]
    assert all(is_drawn(path) for path in paths)


def test_a_sweep_without_any_trial_has_no_figure(tmp_path: Path) -> None:
    assert write_sweep_figures(fabricate_sweep(tmp_path, {UPLINK: RATES}, missing=lambda *_: True)) == []
