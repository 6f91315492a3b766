"""Whom the rounds waited for and what was in vain, as a report tells it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from pyarrow import parquet

from analysis import load_run, write_comparison, write_report
from analysis.columns import WASTE_COLUMNS
from analysis.losses import loss_tables, losses_said, stragglers
from analysis.measures import measure_columns
from analysis.runs import Run
from simulator.accounting.ledger import AbsenceRow, AttemptRow, Ledger, RoundRow
from tests.helpers.ledgers import made
from tests.helpers.reports import Page
from tests.helpers.run_folders import fabricate


def attempted(folder: Path, *rows: AttemptRow, rounds: Sequence[RoundRow] = (), seed: int = 0) -> None:
    ledger = Ledger()
    for each in rounds:
        ledger.rounds.add(each)
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


def absent(*rows: tuple[str, float, float, str]) -> Ledger:
    ledger = Ledger()
    ledger.attempts.add(attempt("pi-0", 1, 1))
    for row in rows:
        ledger.absences.add(AbsenceRow(*row))
    return ledger


def away(run: Run) -> list[tuple[str, ...]]:
    return [row for table in loss_tables(run, {"FL": (run, "FL")}) if table.name == "absences" for row in table.rows]


def test_who_was_away_is_told_by_group_and_cause_as_a_share_of_their_time(tmp_path: Path) -> None:
    """Two devices for 100 s: one is away from 10 to 30 and from 90 on, the battery of the other is empty for 50 s."""
    devices = ("pi-0", 10, 20, "away"), ("pi-0", 90, 30, "away"), ("pi-1", 20, 50, "battery")
    ledger = absent(*devices, ("server", 5, 4, "outage"), ("pi-1", 100, 5, "away"))
    assert away(load_run(made(tmp_path, ledger, 100))) == [
        ("FL", "pi", "away", "2", "15 s", "30 s", "15 %"),
        ("FL", "pi", "battery empty", "1", "50 s", "50 s", "25 %"),
        ("FL", "gpu", "outage", "1", "4 s", "4 s", "4 %"),
    ]


def test_a_seed_with_which_nobody_was_away_counts_as_well(folder: Path) -> None:
    attempted(folder, attempt("pi-0", 1, 1), seed=1)
    attempted(folder, attempt("pi-0", 1, 1))
    path = folder / "ledger" / "FL-0" / "absences.parquet"
    pd.DataFrame([("pi-0", 0.0, 1e-3)], columns=["site", "start", "seconds"]).to_parquet(path)
    (row,) = away(load_run(folder))
    assert row[:6] == ("FL", "pi", "away", "0.5", "1 ms", "500 µs"), "and a run of an earlier version knows no cause"


def test_absences_are_told_even_if_nobody_was_there_to_train(tmp_path: Path) -> None:
    ledger = Ledger()
    for device in ("pi-0", "pi-1"):
        ledger.absences.add(AbsenceRow(device, 0, 100, "away"))
    assert [row[-1] for row in away(load_run(made(tmp_path, ledger, 100)))] == ["100 %"]


def test_where_nobody_was_away_there_is_no_such_table(tmp_path: Path) -> None:
    assert away(load_run(made(tmp_path, absent(), 100))) == []


def test_the_report_says_what_the_run_has_printed(folder: Path) -> None:
    for seed in (0, 1):
        attempted(folder, attempt("pi-0", 1, 1), attempt("pi-1", 1, 1, "late"), attempt("pi-0", 2, 1, "unfinished"),
                  rounds=[RoundRow(1, 0, 9, 1), RoundRow(2, 9, 9, 0)], seed=seed)  # fmt: skip
    head = json.loads((folder / "summary.json").read_text())
    head["trials"] = [trial | {"empty_rounds": 1} for trial in head["trials"]]
    (folder / "summary.json").write_text(json.dumps(head))
    assert losses_said({"A": (load_run(folder), "FL")}) == [
        "A: in 2 of 4 rounds no update arrived.",
        "A: 2 of 4 updates were lost (late 2).",
    ]
    assert "FL: in 2 of 4 rounds no update arrived." in Page.of(write_report(folder, [])).text


@pytest.mark.parametrize("place", ["shared", "own"])
def test_what_passes_without_an_update_is_an_interval_where_the_driver_has_intervals(folder: Path, place: str) -> None:
    attempted(folder, attempt("pi-0", 1, 1), rounds=[RoundRow(1, 0, 9, 1, empty=4)])
    attempted(folder, attempt("pi-0", 1, 1), rounds=[RoundRow(1, 0, 9, 1)], seed=1)
    run = load_run(folder)
    run.summary["empty_rounds"] = [4.0, 0.0]
    settings = run.scenario if place == "shared" else run.scenario["algorithms"][0]
    settings["training"] = {"driver": {"name": "semi_async"}}
    assert losses_said({"FL": (run, "FL")}) == ["FL: in 4 of 6 intervals no update arrived."]


def test_a_run_of_an_earlier_version_tells_neither(folder: Path) -> None:
    run = load_run(folder)
    assert (loss_tables(run, {"FL": (run, "FL")}), losses_said({"FL": (run, "FL")})) == ([], [])
    assert "Stragglers" not in Page.of(write_report(folder, [])).text


def test_a_report_and_a_comparison_tell_both(folder: Path, tmp_path: Path) -> None:
    wasted(folder, ("FL", 0, "late", 3, 10, 1000, 10**9, 4))
    attempted(folder, attempt("pi-0", 1, 1), attempt("pi-1", 1, 2))
    other = fabricate(tmp_path / "other", labels=("FL",), name="other")
    pages = write_report(folder, []), write_comparison([folder, other], tmp_path / "x.html")
    for page, label in zip(pages, ("FL", "FL (made up)"), strict=True):
        text = Page.of(page).text
        assert f"{label} pi-1 1 of 1 round 500 ms 500 ms" in text
        assert f"{label} late" in text


def test_measures_of_losses_are_shown_only_where_there_are_any(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path))
    groups = {"Updates", "Wasted"}
    assert not groups & {column.group for column in measure_columns(run)}, "an earlier version"
    for column in ("updates", "lost_updates", "mean_staleness", "wasted_device_seconds", "wasted_bytes"):
        run.summary[column] = 0.0
    assert not groups & {column.group for column in measure_columns(run)}
    run.summary["updates"], run.summary["wasted_bytes"] = [6.0, 4.0], [0.0, 5.0]
    shown = {(c.group, c.name): [cell.best for cell in c.cells] for c in measure_columns(run) if c.group in groups}
    assert shown == {("Updates", "Aggregated"): [False, False], ("Wasted", "Bytes"): [True, False]}


@pytest.mark.parametrize(
    ("updates", "lost", "shown"), [([4, 4], [0, 0], False), ([4, 6], [0, 0], True), ([4, 4], [0, 1], True)]
)
def test_updates_and_energy_per_update_are_shown_where_not_all_aggregate_the_same(
    tmp_path: Path, updates: list[int], lost: list[int], shown: bool
) -> None:
    run = load_run(fabricate(tmp_path))
    run.summary["updates"], run.summary["lost_updates"] = updates, lost
    run.summary["energy_per_update_j"] = [3.0, 2.0]
    cells = {column.name: column.cells for column in measure_columns(run)}
    assert ("Aggregated" in cells, "Devices, per update" in cells) == (shown, shown)
    if shown:
        assert [cell.best for cell in cells["Devices, per update"]] == [False, True]
