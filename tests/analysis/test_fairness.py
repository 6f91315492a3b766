"""Who took part, by group of devices, and how evenly."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import load_run, write_report
from analysis.fairness import EVERYBODY, Participation, jain, participation, times_chosen
from analysis.reading import RunError
from analysis.runs import Run
from tests.helpers.run_folders import fabricate


def rows(run: Run) -> dict[tuple[str, str], tuple[int, ...]]:
    found = participation({label: (run, label) for label in run.labels})
    return {(row.label, row.group): row.counts for row in found}


def test_jains_index_by_hand() -> None:
    assert jain([3, 3, 3]) == 1
    assert jain([5, 0, 0, 0]) == 0.25
    assert jain([1, 2, 3]) == pytest.approx(36 / (3 * 14))
    assert jain([0, 0]) is None


@given(st.lists(st.integers(0, 100), min_size=1).filter(any), st.integers(1, 9))
def test_jains_index_lies_between_one_of_all_and_one_and_ignores_the_unit(counts: list[int], factor: int) -> None:
    index = jain(counts)
    assert index is not None
    assert 1 / len(counts) <= index * (1 + 1e-12)
    assert index <= 1 + 1e-12
    assert jain([factor * count for count in counts]) == pytest.approx(index)


def test_a_row_says_how_many_how_often_and_how_evenly() -> None:
    assert Participation("FL", "pi", (0, 1, 3, 2)).cells == ["4", "0", "1.5", "3", "0.64"]
    assert Participation("FL", "pi", (1000, 1200)).cells == ["2", "1 k", "1.1 k", "1.2 k", "0.99"]
    assert Participation("FL", "pi", (0, 0)).cells == ["2", "0", "0", "0", "–"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fabricate(tmp_path / "run", ["FL"], rounds=3, devices=3, per_round=2)


def table(folder: Path, name: str) -> Path:
    return folder / "ledger" / "FL-0" / f"{name}.parquet"


def write_engagements(folder: Path, pairs: list[tuple[str, int]]) -> None:
    path = table(folder, "engagements")
    frame = pd.DataFrame(pairs, columns=["client", "round"]).assign(start=0.0, seconds=1.0)
    frame.to_parquet(path)


def test_clients_are_counted_once_a_round_and_those_never_chosen_too(folder: Path) -> None:
    """The first has two rows for round 1, since its device finished a work later."""
    first, second, third = load_run(folder).sites("FL", 0).query("role == 'device'")["name"]
    write_engagements(folder, [(first, 1), (first, 1), (first, 2), (second, 2)])
    run = load_run(folder)
    assert dict(times_chosen(run, "FL", 0)) == {first: 2, second: 1}
    assert list(rows(run).values()) == [(2, 1, 0)]
    assert third not in times_chosen(run, "FL", 0)


def test_attempts_count_where_there_are_any_used_or_not(folder: Path) -> None:
    run = load_run(folder)
    first, second, _ = run.sites("FL", 0).query("role == 'device'")["name"]
    attempts = [(first, 1, "", 1), (first, 2, "late", 0), (first, 3, "", 2), (second, 1, "", 1)]
    pd.DataFrame(attempts, columns=["client", "attempt", "reason", "round"]).to_parquet(table(folder, "attempts"))
    assert list(rows(run).values()) == [(3, 1, 0)]


def test_groups_are_told_apart_and_added_up(folder: Path) -> None:
    sites = pd.read_parquet(table(folder, "sites"))
    devices = sites["role"] == "device"
    sites.loc[devices, "group"] = ["pi", "nano", "pi"]
    sites.to_parquet(table(folder, "sites"))
    first, second, third = sites.loc[devices, "name"]
    write_engagements(folder, [(first, 1), (third, 1), (third, 2), (second, 2)])
    assert rows(load_run(folder)) == {("FL", "pi"): (1, 2), ("FL", "nano"): (1,), ("FL", EVERYBODY): (1, 2, 1)}


def test_each_seed_counts(tmp_path: Path) -> None:
    folder = fabricate(tmp_path / "run", ["FL"], seeds=(0, 1), rounds=3, devices=2)
    first, second = load_run(folder).sites("FL", 0).query("role == 'device'")["name"]
    for seed, pairs in ((0, [(first, 1), (second, 1)]), (1, [(second, 1), (second, 2)])):
        frame = pd.DataFrame(pairs, columns=["client", "round"]).assign(start=0.0, seconds=1.0)
        frame.to_parquet(folder / "ledger" / f"FL-{seed}" / "engagements.parquet")
    assert list(rows(load_run(folder)).values()) == [(1, 1, 0, 2)]


def test_a_label_without_clients_or_without_a_ledger_is_left_out(folder: Path) -> None:
    write_engagements(folder, [])
    assert rows(load_run(folder)) == {}
    for path in (folder / "ledger" / "FL-0").iterdir():
        path.unlink()
    assert rows(load_run(folder)) == {}


def test_a_table_that_cannot_be_read_is_named(folder: Path) -> None:
    table(folder, "attempts").write_text("no parquet")
    with pytest.raises(RunError, match=r"attempts\.parquet: cannot be read as Parquet"):
        rows(load_run(folder))


def test_the_report_shows_who_took_part(folder: Path) -> None:
    write_engagements(folder, [(load_run(folder).sites("FL", 0)["name"].iloc[-1], 1)])
    text = write_report(folder, []).read_text()
    assert "<h2>Who took part</h2>" in text
    assert '<table class="plain" id="participation">' in text
