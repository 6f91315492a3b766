"""Personal accuracy: read where it is there, and drawn where it says something of its own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import accuracy_curve, load_run, plot_personal_accuracy_vs_time, write_figures
from analysis.columns import LATER_COLUMNS, PERSONAL_COLUMNS
from analysis.runs import Run
from tests.helpers.run_folders import fabricate


def with_personal(folder: Path, ahead: float, behind: float) -> Run:
    """A run in which devices' own accuracy is so much above the global one, and that of the worst so much below it."""
    rounds = pd.read_csv(fabricate(folder, labels=("FL", "Ditto"), seeds=(0, 1), rounds=2) / "rounds.csv")
    for column, apart in zip(PERSONAL_COLUMNS, (ahead, -behind), strict=True):
        rounds[column] = rounds["accuracy"] + apart
    rounds.to_csv(folder / "rounds.csv", index=False)
    return load_run(folder)


def figures(folder: Path) -> list[str]:
    return [path.stem for path in write_figures(folder)]


def test_a_run_of_an_earlier_version_is_read_without_them(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path))
    for frame in (run.summary, run.rounds):
        assert frame[list(LATER_COLUMNS)].isna().all(axis=None)
    assert not any(name.startswith("personal") for name in figures(tmp_path))


def test_a_summary_that_has_them_is_read_with_them(tmp_path: Path) -> None:
    path = fabricate(tmp_path, labels=("FL", "B")) / "summary.json"
    head = json.loads(path.read_text())
    head["trials"][0] |= {"personal_accuracy": 0.75, "personal_accuracy_worst_decile": None}
    path.write_text(json.dumps(head))
    summary = load_run(tmp_path).summary
    np.testing.assert_equal(summary["personal_accuracy"].tolist(), [0.75, np.nan])
    assert summary["personal_accuracy_worst_decile"].isna().all()


def test_words_in_their_place_are_refused(tmp_path: Path) -> None:
    with_personal(tmp_path, 0.1, 0.1)
    rounds = pd.read_csv(tmp_path / "rounds.csv")
    rounds.assign(personal_accuracy="good").to_csv(tmp_path / "rounds.csv", index=False)
    with pytest.raises(Exception, match=r"rounds\.csv: column 'personal_accuracy'"):
        load_run(tmp_path)


def test_a_curve_of_another_column_by_hand(tmp_path: Path) -> None:
    run = with_personal(tmp_path, 0.1, 0.2)
    plain, personal, worst = (accuracy_curve(run, "FL", "time", name) for name in ("accuracy", *PERSONAL_COLUMNS))
    assert list(personal["x"]) == list(plain["x"])
    assert list(personal["mean"] - plain["mean"]) == pytest.approx([0.1] * len(plain))
    assert list(plain["low"] - worst["low"]) == pytest.approx([0.2] * len(plain))


@pytest.mark.usefixtures("nothing_saved")
@pytest.mark.parametrize(("ahead", "behind", "drawn"), [(0.1, 0.0, True), (0.0, 0.1, True), (0.004, 0.004, False)])
def test_it_is_drawn_where_it_differs_to_the_eye(tmp_path: Path, ahead: float, behind: float, drawn: bool) -> None:
    with_personal(tmp_path, ahead, behind)
    assert ("personal_accuracy_vs_time" in figures(tmp_path)) == drawn


def test_the_worst_decile_is_a_thin_line_below_the_mean(tmp_path: Path) -> None:
    ax = plot_personal_accuracy_vs_time(with_personal(tmp_path, 0.05, 0.1))
    thick, thin = ([line for line in ax.get_lines() if line.get_gid() == name] for name in ("curve", "thin"))
    assert len(thick) == len(thin) == 2
    for above, below in zip(thick, thin, strict=True):
        assert above.get_color() == below.get_color()
        assert above.get_linewidth() > below.get_linewidth()
        assert np.asarray(above.get_ydata()) - np.asarray(below.get_ydata()) == pytest.approx(0.15)


def test_a_dry_run_says_so(tmp_path: Path) -> None:
    ax = plot_personal_accuracy_vs_time(load_run(fabricate(tmp_path, dry=True)))
    assert [text.get_text() for text in ax.texts if text.get_gid() != "caption"] == ["dry run: no accuracy"]
