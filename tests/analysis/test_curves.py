"""What the accuracy figures show is what the rounds say, and their labels can be read."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.text import Annotation

from analysis import accuracy_curve, load_run, plot_accuracy, plot_accuracy_vs_bytes, style
from analysis.columns import ROUNDS_COLUMNS
from analysis.end_labels import MOST_END_LABELS, EndLabel, place_end_labels
from analysis.runs import Run
from tests.helpers.run_folders import fabricate


def with_rounds(run_folder: Path, rows: Sequence[tuple[str, int, float, float | None]]) -> Run:
    """A run whose rounds.csv holds just these (label, seed, seconds, accuracy)."""
    frame = pd.DataFrame(0, index=range(len(rows)), columns=list(ROUNDS_COLUMNS))
    for column, values in zip(("label", "seed", "sim_time_s", "accuracy"), zip(*rows, strict=True), strict=True):
        frame[column] = values
    frame["round"] = frame.groupby(["label", "seed"]).cumcount()
    frame["bytes_up"], frame["bytes_down"] = frame["sim_time_s"] * 10, frame["sim_time_s"] * 5
    frame.to_csv(run_folder / "rounds.csv", index=False)
    return load_run(run_folder)


def end_labels(ax: Axes) -> list[Annotation]:
    return [text for text in ax.texts if isinstance(text, Annotation) and text.get_fontweight() == "bold"]


def test_the_mean_of_two_seeds_by_hand(tmp_path: Path) -> None:
    fabricate(tmp_path, labels=("FL",), seeds=(0, 1), rounds=1)
    rows = [("FL", 0, 0.0, 0.1), ("FL", 0, 10.0, 0.5), ("FL", 0, 20.0, 0.7)]
    rows += [("FL", 1, 0.0, 0.2), ("FL", 1, 12.0, 0.6)]
    curve = accuracy_curve(with_rounds(tmp_path, rows), "FL")
    assert list(curve["x"]) == [0, 10, 12, 20]
    assert list(curve["mean"]) == pytest.approx([0.15, 0.35, 0.55, 0.65])
    assert list(curve["low"]) == pytest.approx([0.1, 0.2, 0.5, 0.6])  # the second seed ended: it keeps its 0.6
    assert list(curve["high"]) == pytest.approx([0.2, 0.5, 0.6, 0.7])
    assert list(curve["seeds"]) == [2, 2, 2, 2]


def test_a_seed_counts_from_its_first_evaluation_on_and_rounds_without_one_are_left_out(tmp_path: Path) -> None:
    fabricate(tmp_path, labels=("FL",), seeds=(0, 1), rounds=1)
    rows = [("FL", 0, 0.0, 0.1), ("FL", 0, 10.0, None), ("FL", 0, 20.0, 0.7), ("FL", 1, 5.0, 0.3)]
    curve = accuracy_curve(with_rounds(tmp_path, rows), "FL")
    assert list(curve["x"]) == [0, 5, 20]
    assert list(curve["mean"]) == pytest.approx([0.1, 0.2, 0.5])
    assert list(curve["seeds"]) == [1, 2, 2]


def test_traffic_is_up_and_down(tmp_path: Path) -> None:
    fabricate(tmp_path, labels=("FL",), rounds=1)
    run = with_rounds(tmp_path, [("FL", 0, 0.0, 0.1), ("FL", 0, 10.0, 0.5)])
    assert list(accuracy_curve(run, "FL", "bytes")["x"]) == [0, 150]


def test_the_line_is_drawn_in_the_unit_of_its_axis(tmp_path: Path) -> None:
    fabricate(tmp_path, labels=("FL",), rounds=1)
    ax = plot_accuracy(with_rounds(tmp_path, [("FL", 0, 0.0, 0.1), ("FL", 0, 300.0, 0.5)]))
    assert ax.get_xlabel() == "simulated time (min)"
    (line,) = (line for line in ax.get_lines() if line.get_gid() == "curve")
    assert np.asarray(line.get_xdata()) == pytest.approx([0, 5])
    assert [line.get_ydata()[0] for line in ax.get_lines() if line.get_gid() == "target"] == [0.8]  # type: ignore[index]


def test_far_apart_costs_make_the_axis_logarithmic(tmp_path: Path) -> None:
    fabricate(tmp_path, rounds=1)
    rows = [("FL", 0, 0.0, 0.1), ("FL", 0, 3100.0, 0.5), ("SFPrompt", 0, 0.0, 0.1), ("SFPrompt", 0, 100.0, 0.4)]
    ax = plot_accuracy(with_rounds(tmp_path, rows))
    assert ax.get_xscale() == "log"
    assert len(end_labels(ax)) == 2
    rows[1] = ("FL", 0, 2900.0, 0.5)
    assert plot_accuracy(with_rounds(tmp_path, rows)).get_xscale() == "linear"


def test_labels_at_line_ends_never_overlap_and_stay_inside(tmp_path: Path) -> None:
    labels = [f"variant {number}" for number in range(MOST_END_LABELS)]
    fabricate(tmp_path, labels=labels, rounds=1)
    rows = [row for label in labels for row in ((label, 0, 0.0, 0.1), (label, 0, 100.0, 0.801))]
    ax = plot_accuracy(with_rounds(tmp_path, rows))
    notes = end_labels(ax)
    assert [note.get_text() for note in notes] == labels
    boxes = [note.get_window_extent() for note in notes]
    assert not any(first.overlaps(second) for first, second in itertools.combinations(boxes, 2))
    frame = ax.get_window_extent()
    assert all(frame.y0 <= box.y0 and box.y1 <= frame.y1 and box.x1 <= frame.x1 for box in boxes)


def test_a_lone_label_stands_at_its_line(tmp_path: Path) -> None:
    ax = style.new_figure(6, 4).add_subplot()
    ax.plot([0, 1], [0, 1], gid="curve")
    (note,) = place_end_labels(ax, [EndLabel("FL", 1.0, 1.0, "#000000")])
    assert note.get_position()[1] == pytest.approx(0, abs=8)


def test_many_labels_move_to_a_legend(tmp_path: Path) -> None:
    labels = [f"variant {number}" for number in range(MOST_END_LABELS + 1)]
    ax = plot_accuracy_vs_bytes(load_run(fabricate(tmp_path, labels=labels, rounds=1)))
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == labels
    assert end_labels(ax) == []


def test_several_seeds_have_a_band(tmp_path: Path) -> None:
    assert len(plot_accuracy(load_run(fabricate(tmp_path / "a", seeds=(0, 1)))).collections) == 2
    assert len(plot_accuracy(load_run(fabricate(tmp_path / "b"))).collections) == 0


def test_a_dry_run_says_so(tmp_path: Path) -> None:
    ax = plot_accuracy(load_run(fabricate(tmp_path, dry=True)))
    assert [text.get_text() for text in ax.texts] == ["dry run: no accuracy"]
    assert len(ax.get_lines()) == 0


def test_lines_differ_in_more_than_colour() -> None:
    styles = [style.line_style(place) for place in range(40)]
    for first, second in itertools.combinations(styles, 2):
        assert first != second
    assert len({(str(each["linestyle"]), each["marker"]) for each in styles[:8]}) == 8
