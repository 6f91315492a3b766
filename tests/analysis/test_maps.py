"""Heat maps show the means, and break-even maps who wins where, ties and gaps included."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm
from matplotlib.text import Text

from analysis import RunError, load_sweep, plot_break_even, plot_heat_map, plot_heat_maps, style, winner_map
from analysis.break_even import regions, winners
from analysis.heat_maps import COLOURS
from analysis.sweeps import Sweep
from tests.helpers.sweep_folders import HEAD, UPLINK, Place, fabricate_sweep

RATES = ["1 Mbit/s", "10 Mbit/s", "100 Mbit/s"]
HEADS = ["0", "1"]


def by_table(folder: Path, table: dict[str, list[list[float | None]]], **more: object) -> Sweep:
    """A sweep over HEADS (rows) and RATES (columns) whose seconds are these, for each label."""

    def formula(label: str, place: Place, seed: int) -> dict[str, float | None]:
        row = table[label][HEADS.index(place[HEAD])]
        return {"time_to_target_s": row[RATES.index(place[UPLINK])]}

    labels = tuple(table)
    return load_sweep(fabricate_sweep(folder, {UPLINK: RATES, HEAD: HEADS}, labels, formula=formula, **more))  # type: ignore[arg-type]


def texts(ax: Axes, gid: str) -> list[Text]:
    return [text for text in ax.texts if text.get_gid() == gid]


def test_cells_are_where_their_values_are_and_say_them(tmp_path: Path) -> None:
    sweep = by_table(tmp_path, {"A": [[60.0, 120.0, 180.0], [240.0, None, 360.0]]})
    ax = plot_heat_map(sweep, UPLINK, HEAD, "time_to_target_s")
    cells = {text.get_position(): text.get_text() for text in texts(ax, "cell")}
    assert cells == {(0, 0): "1", (1, 0): "2", (2, 0): "3", (0, 1): "4", (2, 1): "6"}
    (image,) = ax.get_images()
    assert np.ma.getmaskarray(image.get_array()).tolist() == [[False] * 3, [False, True, False]]  # type: ignore[union-attr]
    assert [label.get_text() for label in ax.get_xticklabels()] == RATES
    assert [label.get_text() for label in ax.get_yticklabels()] == HEADS
    assert (ax.get_xlabel(), ax.get_ylabel()) == (UPLINK, HEAD)


def test_all_panels_share_one_scale_of_colours(tmp_path: Path) -> None:
    sweep = by_table(tmp_path, {"A": [[60.0] * 3] * 2, "B": [[600.0] * 3] * 2})
    norms = [ax.get_images()[0].norm for ax in plot_heat_maps(sweep, UPLINK, HEAD, "time_to_target_s")]
    assert [(norm.vmin, norm.vmax) for norm in norms] == [(1.0, 10.0)] * 2


def test_values_far_apart_are_coloured_by_their_ratio(tmp_path: Path) -> None:
    sweep = by_table(tmp_path, {"A": [[1.0, 10.0, 1000.0], [1.0, 2.0, 3.0]]})
    ax = plot_heat_map(sweep, UPLINK, HEAD, "time_to_target_s")
    assert isinstance(ax.get_images()[0].norm, LogNorm)
    assert [text.get_text() for text in texts(ax, "cell")][:3] == ["1 s", "10 s", "16.7 min"]


def test_a_mean_of_fewer_seeds_is_marked(tmp_path: Path) -> None:
    sweep = by_table(tmp_path, {"A": [[180.0] * 3] * 2}, seeds=(0, 1), failed=lambda _, place, seed: seed == 1
                     and place[UPLINK] == RATES[2])  # fmt: skip
    ax = plot_heat_map(sweep, UPLINK, HEAD, "time_to_target_s")
    assert [text.get_text() for text in texts(ax, "cell")] == ["3", "3", "3*"] * 2
    (caption,) = texts(ax, "caption")
    assert caption.get_text() == "mean of 2 seeds; 2 of 12 trials failed or missing; * of fewer seeds"


def test_values_that_fit_no_cell_are_not_written(tmp_path: Path) -> None:
    sweep = by_table(tmp_path, {"A": [[1.0, 1000.0, 100_000.0]] * 2})
    ax = plot_heat_map(sweep, UPLINK, HEAD, "time_to_target_s", ax=style.new_figure(2.2, 2.0).add_subplot())
    assert texts(ax, "cell") == []


def test_written_values_fit_their_cells(tmp_path: Path) -> None:
    sweep = by_table(tmp_path, {"A": [[66.0, 126.0, 185.0]] * 2})
    ax = plot_heat_map(sweep, UPLINK, HEAD, "time_to_target_s", ax=style.new_figure(2.4, 2.0).add_subplot())
    frame = ax.get_window_extent()
    assert len(texts(ax, "cell")) == 6
    assert all(text.get_window_extent().width < frame.width / 3 for text in texts(ax, "cell"))


def test_colours_can_be_told_by_their_lightness_alone() -> None:
    red, green, blue, _ = COLOURS(np.linspace(0, 1, 64)).T
    assert (np.diff(0.299 * red + 0.587 * green + 0.114 * blue) > 0).all()


def test_a_label_must_be_named_and_known(tmp_path: Path) -> None:
    sweep = by_table(tmp_path, {"A": [[1.0] * 3] * 2, "B": [[1.0] * 3] * 2})
    with pytest.raises(RunError, match="name the label to draw: A, B"):
        plot_heat_map(sweep, UPLINK, HEAD)
    with pytest.raises(RunError, match="no label 'C'; there are: A, B"):
        plot_heat_map(sweep, UPLINK, HEAD, label="C")


def test_a_dry_sweep_says_that_it_has_no_accuracy(tmp_path: Path) -> None:
    sweep = load_sweep(fabricate_sweep(tmp_path, {UPLINK: RATES, HEAD: HEADS}, dry=True))
    for ax in (plot_heat_map(sweep, UPLINK, HEAD, "final_accuracy", "FL"),
               plot_break_even(sweep, UPLINK, HEAD, "final_accuracy")):  # fmt: skip
        assert "dry run: no accuracy" in [text.get_text() for text in ax.texts]


@given(st.dictionaries(st.sampled_from("ABCD"), st.sampled_from([1.0, 1.0004, 1.2, 2.0, float("nan")])), st.booleans())
def test_winners_are_those_that_no_other_beats(means: dict[str, float], more_is_better: bool) -> None:
    sign = -1 if more_is_better else 1
    shown = {label: sign * float(f"{mean:.3g}") for label, mean in means.items() if mean == mean}
    unbeaten = {a for a in shown if not any(shown[b] < shown[a] for b in shown)}
    assert set(winners(means, more_is_better)) == unbeaten


def test_the_map_of_winners_by_hand(tmp_path: Path) -> None:
    table = {"A": [[1.0, 5.0, 9.0], [1.0, 2.0001, None]], "B": [[3.0, 3.0, 3.0], [3.0, 2.0, None]]}
    frame = winner_map(by_table(tmp_path, table), UPLINK, HEAD, "time_to_target_s")
    assert frame.index.tolist() == [0, 1]
    assert frame.columns.tolist() == [1.25e5, 1.25e6, 1.25e7]
    assert frame.to_numpy().tolist() == [[("A",), ("B",), ("B",)], [("A",), ("A", "B"), ()]]


def test_more_accuracy_wins(tmp_path: Path) -> None:
    sweep = load_sweep(fabricate_sweep(tmp_path, {UPLINK: RATES, HEAD: HEADS}))
    assert set(winner_map(sweep, UPLINK, HEAD, "final_accuracy").to_numpy().ravel()) == {("FL",)}


def test_a_label_that_failed_cannot_win_and_one_that_is_missing_leaves_the_place_open(tmp_path: Path) -> None:
    table = {"A": [[1.0] * 3] * 2, "B": [[3.0] * 3] * 2}
    sweep = by_table(
        tmp_path,
        table,  # type: ignore[arg-type]
        seeds=(0, 1),
        failed=lambda label, place, seed: (label, place[UPLINK], seed) == ("A", RATES[0], 1),
        missing=lambda label, place, seed: (label, place[UPLINK], seed) == ("B", RATES[1], 0),
    )
    frame = winner_map(sweep, UPLINK, HEAD, "time_to_target_s")
    assert frame.to_numpy().tolist() == [[("B",), (), ("A",)]] * 2
    (caption,) = texts(plot_break_even(sweep, UPLINK, HEAD, "time_to_target_s"), "caption")
    assert caption.get_text().endswith("a label that lacks a value with any seed cannot win there")


@given(st.integers(1, 4), st.integers(1, 4), st.lists(st.sampled_from("AB"), min_size=16, max_size=16))
def test_regions_part_the_grid_as_walking_over_it_does(height: int, width: int, letters: list[str]) -> None:
    places = list(itertools.product(range(height), range(width)))
    cells = {place: (letter,) for place, letter in zip(places, letters, strict=False)}
    found = regions(cells)
    assert sorted(cell for region in found for cell in region) == places
    home = {cell: number for number, region in enumerate(found) for cell in region}
    reach = {place: {place} for place in places}  # whom one reaches on cells alike, by closing over neighbours
    for _ in places:
        for a, b in itertools.product(places, places):
            near = any(abs(a[0] - c[0]) + abs(a[1] - c[1]) == 1 and cells[a] == cells[c] for c in reach[b])
            if near and cells[a] == cells[b]:
                reach[b].add(a)
    for a, b in itertools.combinations(places, 2):
        assert (home[a] == home[b]) == (b in reach[a])


def test_borders_names_and_ties_are_drawn(tmp_path: Path) -> None:
    table = {"A": [[1.0, 1.0, 9.0], [1.0, 1.0, 3.0]], "B": [[3.0, 3.0, 3.0], [3.0, 3.0, 3.0]]}
    ax = plot_break_even(by_table(tmp_path, table), UPLINK, HEAD, "time_to_target_s")  # type: ignore[arg-type]
    (border,) = (each for each in ax.collections if isinstance(each, LineCollection))
    drawn = {tuple(map(tuple, segment)) for segment in border.get_segments()}
    assert drawn == {((1.5, -0.5), (1.5, 0.5)), ((1.5, 0.5), (1.5, 1.5)), ((1.5, 0.5), (2.5, 0.5))}
    names = {text.get_text(): text.get_position() for text in texts(ax, "name")}
    assert set(names) == {"A", "B", "A = B"}
    assert names["B"] == (2, 0)
    assert names["A = B"] == (2, 1)


def test_what_cannot_be_named_on_the_map_is_named_below(tmp_path: Path) -> None:
    long = "a label that is too long"
    table = {long: [[1.0, 9.0, 9.0]] * 2, "B": [[3.0, 3.0, None]] * 2}
    ax = plot_break_even(
        by_table(tmp_path, table), UPLINK, HEAD, "time_to_target_s", ax=style.new_figure(2.6, 2.2).add_subplot()  # type: ignore[arg-type]
    )  # fmt: skip
    (legend,) = style.figure_of(ax).legends
    assert [text.get_text() for text in legend.get_texts()] == [style.shortened(long, 20)]
