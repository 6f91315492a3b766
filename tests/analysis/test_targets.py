"""When several accuracies are held, against times counted by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import load_run, write_report
from analysis.interactive.targets import targets_chart
from analysis.runs import Run
from analysis.targets import steps_between, targets_of
from tests.helpers.reports import Page, valid
from tests.helpers.run_folders import fabricate

CURVES = {
    ("A", 0): [0.1, 0.25, 0.45, 0.45, 0.62],
    ("A", 1): [0.1, 0.35, 0.35, 0.45, 0.45],
    ("B", 0): [0.1, 0.2, 0.1, 0.2, 0.2],
    ("B", 1): [0.1, 0.3, 0.3, 0.3, 0.3],
}
"""Accuracies before training and after each of four rounds, which take a second each."""


def curved(folder: Path, target: float | None = None) -> Run:
    """A run with these accuracies, whose devices send 5 bytes and spend 2 J a round."""
    fabricate(folder, ("A", "B"), algorithms=("fedavg",), seeds=(0, 1), rounds=4, target=target)
    rounds = pd.read_csv(folder / "rounds.csv")
    for (label, seed), accuracies in CURVES.items():
        rounds.loc[(rounds["label"] == label) & (rounds["seed"] == seed), "accuracy"] = accuracies
    rounds["sim_time_s"] = rounds["round"].astype(float)
    rounds["bytes_up"], rounds["bytes_down"], rounds["client_energy_j"] = 3 * rounds["round"], 2 * rounds["round"], 2.0
    rounds.to_csv(folder / "rounds.csv", index=False)
    return load_run(folder)


def test_targets_are_held_when_two_evaluations_in_a_row_reach_them(tmp_path: Path) -> None:
    targets = targets_of(curved(tmp_path))
    assert targets is not None
    assert targets.accuracies == pytest.approx((0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45))
    times = targets.spent["Time"].set_index("label")
    assert times.loc["A", 0.2].tolist() == [1, 1]
    assert times.loc["A", 0.3].tolist() == [2, 1]
    assert times.loc["A", 0.4].tolist() == [2, 3]
    assert times.loc["B", 0.2].tolist() == [3, 1], "once is not held"
    np.testing.assert_equal(times.loc["B", 0.3].tolist(), [np.nan, 1])
    sent = targets.spent["Bytes"].set_index("label")
    assert sent.loc["A", 0.4].tolist() == [10, 15]


def test_the_table_has_means_and_says_how_many_seeds_hold_it(tmp_path: Path) -> None:
    targets = targets_of(curved(tmp_path))
    assert targets is not None
    cells = {column.name: column.cells for column in targets.columns("Time")}
    assert [cell.text for cell in cells["30 %"]] == ["1.5 ± 0.71 s", "1 s (1 of 2 seeds)"]
    assert [cell.text for cell in cells["40 %"]] == ["2.5 ± 0.71 s", "not held"]
    assert [cell.best for cell in cells["20 %"]] == [True, False]
    assert [cell.best for cell in cells["30 %"]] == [True, False], "the other has not all seeds"


def test_the_target_of_the_scenario_is_among_them_if_it_is_ever_held(tmp_path: Path) -> None:
    for target, expected in ((0.42, True), (0.9, False)):
        targets = targets_of(curved(tmp_path / str(target), target))
        assert targets is not None
        assert (target in targets.accuracies) == expected
        assert targets.asked == (target if expected else None)


def test_lines_end_where_not_every_seed_holds_the_accuracy(tmp_path: Path) -> None:
    run = curved(tmp_path)
    chart = targets_chart(run, targets_of(run))
    assert chart is not None
    for figure in chart.figures.values():
        valid(figure)
    a, b = chart.figures["0"]["data"]
    drawn = {trace["name"]: dict(zip(trace["x"], trace["y"], strict=True)) for trace in (a, b)}
    assert drawn["A"][0.4] == pytest.approx(2.5)
    assert drawn["B"][0.2] == pytest.approx(2.0)
    assert drawn["B"][0.3] is None


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.1, 0.52, [0.2, 0.3, 0.4, 0.5]),
        (0.1, 0.35, [0.15, 0.2, 0.25, 0.3, 0.35]),
        (0.9, 0.95, [0.91, 0.92, 0.93, 0.94, 0.95]),
        (0.5, 0.5, []),
        (0.6, 0.4, []),
    ],
)
def test_steps(low: float, high: float, expected: list[float]) -> None:
    assert steps_between(low, high) == pytest.approx(expected)


def test_a_page_has_a_table_of_them_for_each_cost_and_a_dry_run_none(tmp_path: Path) -> None:
    curved(tmp_path / "real")
    page = Page.of(write_report(tmp_path / "real", []))
    assert "Time to several targets" in page.text
    assert list(page.charts["targets"]["figures"]) == ["0", "1", "2"]
    for heading in ("Simulated time", "Traffic", "Energy of the devices"):
        assert f"{heading} until it holds" in page.text
    dry = Page.of(write_report(fabricate(tmp_path / "dry", dry=True), []))
    assert "Time to several targets" not in dry.text
