"""Accuracy at equal budgets, by hand, and the curves over updates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from analysis import load_run, plot_accuracy, write_comparison, write_report
from analysis.budgets import equal_budgets
from analysis.interactive.curves import accuracy_chart
from analysis.runs import Run
from tests.helpers.reports import Page, valid
from tests.helpers.run_folders import fabricate

NAN = float("nan")
SLOW, QUICK = "Slow", "Quick"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Two labels: one is slow and has large updates, the other quick with small ones and stops early."""
    made = load_run(fabricate(tmp_path, labels=(SLOW, QUICK), algorithms=("fedavg",), rounds=3))
    columns = ["label", "seed", "round", "sim_time_s", "accuracy", "bytes_up", "bytes_down", "updates"]
    rows = [
        *((SLOW, 0, 0, 0, 0.1, 0, 0, 0), (SLOW, 0, 1, 10, 0.4, 50, 50, 4), (SLOW, 0, 2, 20, 0.6, 100, 100, 8)),
        (SLOW, 0, 3, 30, 0.8, 150, 150, 12),
        *((QUICK, 0, 0, 0, 0.1, 0, 0, 0), (QUICK, 0, 1, 4, 0.2, 30, 20, 1), (QUICK, 0, 2, 8, 0.3, 60, 40, 2)),
        (QUICK, 0, 3, 12, 0.5, 90, 60, 3),
    ]
    rounds = pd.DataFrame(rows, columns=columns)
    return replace(made, rounds=rounds.assign(client_energy_j=rounds["sim_time_s"]))


def found(run: Run) -> dict[str, list[float | None]]:
    return {column.name: [cell.value for cell in column.cells] for column in equal_budgets(run)}


def test_each_is_taken_at_its_last_evaluation_within_what_all_reach(run: Run) -> None:
    assert found(run) == {"Time: 12 s": [0.4, 0.5], "Updates: 3": [0.1, 0.5], "Traffic: 150 B": [0.4, 0.5]}


def test_rounds_that_were_not_evaluated_count_as_reached_but_have_no_accuracy(run: Run) -> None:
    last = (run.rounds["label"] == QUICK) & (run.rounds["round"] == 3)
    run.rounds.loc[last, "accuracy"] = NAN
    assert found(run) == {"Time: 12 s": [0.4, 0.3], "Updates: 3": [0.1, 0.3], "Traffic: 150 B": [0.4, 0.3]}


def test_the_budget_is_what_every_seed_reaches_and_accuracies_are_means_over_them(run: Run) -> None:
    other = run.rounds.assign(seed=1)
    other = other[other["round"] < 3].assign(accuracy=other["accuracy"] + 0.1)
    summary = pd.DataFrame({"label": [SLOW, SLOW, QUICK, QUICK], "seed": [0, 1, 0, 1]})
    both = replace(run, rounds=pd.concat([run.rounds, other], ignore_index=True), summary=summary)
    assert found(both)["Time: 8 s"] == pytest.approx([0.15, 0.35])


def test_the_best_is_marked(run: Run) -> None:
    assert [[cell.best for cell in column.cells] for column in equal_budgets(run)] == [[False, True]] * 3


def test_one_label_has_nothing_to_be_compared_with_and_a_dry_run_no_accuracy(run: Run) -> None:
    alone = run.rounds["label"] == SLOW
    assert (
        equal_budgets(replace(run, rounds=run.rounds[alone], summary=run.summary[run.summary["label"] == SLOW])) == []
    )
    assert equal_budgets(replace(run, rounds=run.rounds.assign(accuracy=NAN))) == []


def test_updates_are_left_out_where_runs_of_earlier_versions_do_not_tell(run: Run) -> None:
    run.rounds.loc[run.rounds["label"] == SLOW, "updates"] = NAN
    assert list(found(run)) == ["Time: 12 s", "Traffic: 150 B"]
    chart = accuracy_chart(run)
    assert chart
    assert chart.knobs[0].options == ("Time", "Bytes", "Energy")


def test_a_report_and_a_comparison_show_them(tmp_path: Path) -> None:
    one, other = (fabricate(tmp_path / name, labels=(name,), name=name) for name in "ab")
    both = fabricate(tmp_path / "both")
    assert "At equal budgets" in Page.of(write_report(both, [])).text
    assert "At equal budgets" in Page.of(write_comparison([one, other], tmp_path / "x.html")).text
    assert "At equal budgets" not in Page.of(write_report(one, [])).text


def test_accuracy_is_drawn_over_updates(run: Run) -> None:
    chart = accuracy_chart(run)
    assert chart
    assert chart.knobs[0].options[-1] == "Updates"
    figure = chart.figures["3|0"]
    valid(figure)
    assert [trace["x"] for trace in figure["data"]] == [[0, 4, 8, 12], [0, 1, 2, 3]]
    assert all(" updates<" in trace["hovertemplate"] for trace in figure["data"])
    ax = plot_accuracy(run, "updates")
    assert ax.get_xlabel() == "updates aggregated"
