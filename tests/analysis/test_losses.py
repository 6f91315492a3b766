"""Whom the rounds waited for and what was in vain, as a report tells it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from pyarrow import parquet

from analysis import load_run, write_comparison, write_report
from analysis.columns import WASTE_COLUMNS
from analysis.losses import loss_tables, stragglers
from analysis.measures import measure_columns
from analysis.runs import Run
from simulator.accounting.ledger import AttemptRow, Ledger
from tests.helpers.reports import Page
from tests.helpers.run_folders import fabricate


def attempted(folder: Path, *rows: AttemptRow, seed: int = 0) -> None:
    ledger = Ledger()
    for row in rows:
        ledger.attempts.add(row)
    for name in ("attempts", "rounds", "absences"):
        parquet.write_table(ledger.tables()[name].arrow(), folder / "ledger" / f"FL-{seed}" / f"{name}.parquet")


def attempt(client: str, number: int, seconds: float, reason: str = "", stale: int = 0) -> AttemptRow:
    """Return an attempt in the round with this number, which begins at ten times it."""
    used = 0 if reason else number + stale
    return AttemptRow(client, number, number - 1, 10.0 * number, seconds, used, stale, reason)


def wasted(folder: Path, *rows: tuple[str, int, str, int, float, int, int, float]) -> None:
    pd.DataFrame([("fedavg", *row) for row in rows], columns=list(WASTE_COLUMNS)).to_csv(
        folder / "waste.csv", index=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fabricate(tmp_path / "run", labels=("FL",), seeds=(0, 1))


def named(run: Run) -> list[tuple[str, int, float, int]]:
    return list(stragglers(run, "FL").itertuples(index=False, name=None))


def test_a_straggler_is_the_last_of_its_round_and_is_waited_for_from_the_median_on(folder: Path) -> None:
    first = attempt("a", 1, 1), attempt("b", 1, 2), attempt("c", 1, 6)
    second = attempt("a", 2, 3), attempt("b", 2, 8), attempt("c", 2, 5)
    attempted(folder, *first, *second)
    attempted(folder, attempt("a", 1, 1), attempt("c", 1, 2), attempt("a", 2, 1), seed=1)
    assert named(load_run(folder)) == [("c", 2, 4.5, 4), ("b", 1, 3, 4)]


def test_all_that_a_deadline_cut_off_are_last(folder: Path) -> None:
    cohort = (
        attempt("a", 1, 1),
        attempt("b", 1, 2),
        attempt("c", 1, 2),
        attempt("d", 1, 5, "late"),
        attempt("e", 1, 5, "late"),
    )
    attempted(folder, *cohort)
    assert named(load_run(folder)) == [("d", 1, 3, 1), ("e", 1, 3, 1)]


def test_nobody_is_waited_for_where_all_are_done_at_once_or_updates_may_be_stale(folder: Path) -> None:
    attempted(folder, attempt("a", 1, 2), attempt("b", 1, 2))
    attempted(folder, attempt("a", 1, 1), attempt("b", 1, 2, stale=1), attempt("a", 2, 2), seed=1)
    assert named(load_run(folder)) == []


def test_what_was_unfinished_at_the_end_was_not_waited_for(folder: Path) -> None:
    attempted(folder, attempt("a", 1, 1), attempt("b", 1, 9, "unfinished"))
    assert named(load_run(folder)) == []


def test_waste_is_told_by_reason_as_means_over_seeds(folder: Path) -> None:
    wasted(folder, ("FL", 0, "late", 3, 10, 1000, 10**9, 4), ("FL", 1, "late", 1, 20, 3000, 10**9, 8),
           ("FL", 1, "left", 1, 90, 0, 0, 1))  # fmt: skip
    run = load_run(folder)
    (table,) = loss_tables(run, {"FL": (run, "FL")})
    assert table.rows == [
        ("FL", "left", "0.5", "45 s", "0 B", "0 FLOP", "500 mJ"),
        ("FL", "late", "2", "15 s", "2 kB", "1 GFLOP", "6 J"),
    ]


def test_a_run_of_an_earlier_version_tells_neither(folder: Path) -> None:
    run = load_run(folder)
    assert loss_tables(run, {"FL": (run, "FL")}) == []
    assert "Stragglers" not in Page.of(write_report(folder, [])).text


def test_a_report_and_a_comparison_tell_both(folder: Path, tmp_path: Path) -> None:
    wasted(folder, ("FL", 0, "late", 3, 10, 1000, 10**9, 4))
    attempted(folder, attempt("pi-0", 1, 1), attempt("pi-1", 1, 2))
    other = fabricate(tmp_path / "other", labels=("FL",), name="other")
    pages = write_report(folder, []), write_comparison([folder, other], tmp_path / "x.html")
    for page, label in zip(pages, ("FL", "made up: FL"), strict=True):
        text = Page.of(page).text
        assert f"{label} pi-1 1 of 1 round 500 ms 500 ms" in text
        assert f"{label} late" in text


def test_measures_of_losses_are_shown_only_where_there_are_any(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path))
    groups = {"Updates", "In vain"}
    assert not groups & {column.group for column in measure_columns(run)}, "an earlier version"
    for column in ("updates", "lost_updates", "mean_staleness", "wasted_device_seconds", "wasted_bytes"):
        run.summary[column] = 0.0
    assert not groups & {column.group for column in measure_columns(run)}
    run.summary["updates"], run.summary["wasted_bytes"] = [6.0, 4.0], [0.0, 5.0]
    shown = {(c.group, c.name): [cell.best for cell in c.cells] for c in measure_columns(run) if c.group in groups}
    assert shown == {("Updates", "Aggregated"): [False, False], ("In vain", "Bytes"): [True, False]}
