"""Servers and critical paths in a report: the length of queues over time, tables, figures and the timeline."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyarrow import parquet

from analysis import load_run, write_comparison, write_report
from analysis.columns import PATHS_COLUMNS, QUEUES_COLUMNS, WAITS_COLUMNS
from analysis.interactive.critical_path import path_chart
from analysis.interactive.queue import queue_chart
from analysis.lanes import Span
from analysis.measures import measure_columns
from analysis.path_table import path_columns
from analysis.runs import Run
from analysis.server import OwnLabels, length_of, queue_lengths, server_tables
from analysis.spans import CRITICAL_PATH, read_timeline
from simulator.accounting.critical_path import Segment
from simulator.accounting.ledger import Ledger, WaitRow, WorkRow
from simulator.accounting.tables import Table
from tests.helpers.ledgers import TRAIN, made, served
from tests.helpers.reports import Page, valid
from tests.helpers.run_folders import fabricate


def own(run: Run) -> OwnLabels:
    return {label: (run, label) for label in run.labels}


def queued(folder: Path, *works: tuple[int, int, int]) -> tuple[OwnLabels, Mapping[str, int]]:
    """What `queue_chart` takes, of a run whose server serves these works."""
    run = load_run(made(folder, served(*works), 5))
    return own(run), run.places


def write(folder: Path, name: str, columns: tuple[str, ...], *rows: tuple[Any, ...]) -> None:
    pd.DataFrame([("fedavg", *row) for row in rows], columns=list(columns)).to_csv(folder / f"{name}.csv", index=False)


def test_the_length_of_a_queue_step_by_step() -> None:
    found = length_of([(1, 3), (2, 5), (5, 6)], 8)
    assert list(zip(*found, strict=True)) == [(0, 0, 0), (1, 1, 1), (2, 2, 2), (3, 1, 1), (6, 0, 0), (8, 0, 0)]


def test_a_work_that_comes_as_another_goes_is_no_peak_whatever_is_rounded() -> None:
    now = 0.1 + 0.2  # a bit more than 0.3
    found = length_of([(0.1, now), (0.3, 0.5)], 1)
    assert list(zip(found.at, found.largest, strict=True)) == [(0, 0), (0.1, 1), (0.5, 0), (1, 0)]


def test_a_queue_that_changes_often_keeps_its_mean_and_its_peak() -> None:
    """A hundred waits of a quarter, one a second, and three at once from 50 s on."""
    intervals = [(float(n), n + 0.25) for n in range(100)] + [(50.0, 50.5)] * 2
    found = length_of(intervals, 100, most=10)
    assert found.at == [10.0 * n for n in range(11)]
    assert found.mean == pytest.approx([0.25] * 5 + [0.35] + [0.25] * 4 + [0])
    assert found.largest == [1] * 5 + [3] + [1] * 4 + [0]


def test_the_queue_of_a_run_counts_works_that_were_withdrawn(tmp_path: Path) -> None:
    ledger = served((0, 0, 4), (1, 4, 1))
    ledger.waits.add(WaitRow("server", "pi-1", *TRAIN, 2, 1, 0, "late"))
    ledger.works.add(WorkRow("pi-0", "pi-0", *TRAIN, 5, 6, 1, 10, 20))
    found = queue_lengths(load_run(made(tmp_path, ledger, 8)), "FL")
    assert list(found) == ["server"], "a device that works for itself serves nobody"
    assert list(zip(found["server"].at, found["server"].largest, strict=True)) == [
        *((0, 0), (1, 1), (2, 2), (3, 1), (4, 0), (8, 0)),
    ]


def test_the_chart_has_a_line_for_each_label_and_is_left_out_if_nobody_waits(tmp_path: Path) -> None:
    chart = queue_chart(*queued(tmp_path / "a", (0, 0, 4), (1, 4, 1)))
    assert chart is not None
    (figure,) = chart.figures.values()
    valid(figure)
    assert [(trace["legendgroup"], trace["y"]) for trace in figure["data"]] == [("FL", [0, 1, 0, 0])]
    assert queue_chart(*queued(tmp_path / "b", (0, 0, 4))) is None


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """A run of two seeds that tells its queue and its paths."""
    folder = fabricate(tmp_path / "told", labels=("FL",), seeds=(0, 1), rounds=2)
    rows = []
    for seed in (0, 1):
        rows.append(("FL", seed, "server", "all", 0.5, 10, 2.0 + seed, 4, 5, 1.5, 3, 4, 2.5))
        rows.append(("FL", seed, "server", "0", 0.25, 4, 1, 1, 1, None, None, None, None))
        rows.append(("FL", seed, "server", "1", 0.75, 6, 3, 3, 3, None, None, None, None))
    write(folder, "queues", QUEUES_COLUMNS, *rows)
    waits = [
        ("FL", 0, "server", "pi", "training", 10, 2, 4, 5, 20),
        ("FL", 0, "server", "none", "aggregation", 2, 0, 0, 0, 0),
    ]
    write(folder, "waits", WAITS_COLUMNS, *waits)
    paths = []
    for seed in (0, 1):
        paths.append(("FL", seed, "all", "device", "compute", "training", "pi", 6.0, 0.6))
        paths.append(("FL", seed, "all", "server", "queue", "training", "pi", 2.0, 0.2))
        paths.append(("FL", seed, "all", "other", "other", None, "none", 2.0, 0.2))
        paths.append(("FL", seed, "1", "device", "compute", "training", "pi", 99.0, 1.0))
    write(folder, "critical_path", PATHS_COLUMNS, *paths)
    return folder


def test_the_tables_of_a_server(told: Path) -> None:
    servers, waits = server_tables(own(load_run(told)))
    assert servers.rows == [
        ("FL", "server", "50 %", "10", "2.5 s", "4 s", "5 s", "1.5", "3", "2.5"),
        ("FL", "server, GPU 0", "25 %", "4", "1 s", "1 s", "1 s", *["–"] * 3),
        ("FL", "server, GPU 1", "75 %", "6", "3 s", "3 s", "3 s", *["–"] * 3),
    ]
    assert waits.rows == [("FL", "server", "pi", "training", "10", "2 s", "4 s", "20 s")]


def test_the_bar_of_a_path_is_a_mean_round(told: Path) -> None:
    """Two seeds of two rounds, whose paths are 10 s a seed: 3 + 1 + 1 s a round."""
    chart = path_chart(own(load_run(told)))
    assert chart is not None
    seconds, shares = chart.figures.values()
    for figure, wanted in ((seconds, [3, 1, 1]), (shares, [0.6, 0.2, 0.2])):
        valid(figure)
        assert [trace["x"] for trace in figure["data"]] == [[each] for each in wanted]
    assert [trace["name"] for trace in seconds["data"]] == ["training", "training", "nothing told"]
    assert "queue at the server" in seconds["data"][1]["hovertext"][0]
    assert "for pi 100%" in seconds["data"][1]["hovertext"][0]


def test_a_report_has_a_section_on_the_server(told: Path) -> None:
    found = Page.of(write_report(told, []))
    assert "path" in found.charts
    for words in (
        "The server and its queue",
        "What a round waits for",
        "server, GPU 1",
        "Who waited there",
    ):
        assert words in found.text


def test_a_comparison_shows_the_servers_of_both_runs(told: Path, tmp_path: Path) -> None:
    other = fabricate(tmp_path / "other", labels=("SFL",), rounds=2)
    found = Page.of(write_comparison([told, other], tmp_path / "compare.html"))
    assert "path" in found.charts
    assert "server, GPU 1" in found.text


def test_a_run_of_an_earlier_version_tells_neither(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path, labels=("FL",)))
    assert server_tables(own(run)) == []
    assert path_chart(own(run)) is None
    assert [site.name for site in read_timeline(run, "FL", 2).sites if site.name == CRITICAL_PATH] == []


def test_the_timeline_shows_the_path_of_its_round(tmp_path: Path) -> None:
    """The first row of the round begins at 10 s."""
    folder = made(tmp_path, served((10, 10, 4)), 14)
    table = Table(Segment)
    for number, start in ((1, 10.0), (2, 14.0)):
        row = "server", "pi-0", "pi"
        table.add(Segment(number, start, 1.0, "queue", "server", *row, "training", "train"))
        table.add(Segment(number, start + 1, 3.0, "compute", "server", *row, "training", "train"))
    parquet.write_table(table.arrow(), folder / "ledger" / "FL-0" / "critical_path.parquet")
    timeline = read_timeline(load_run(folder), "FL", 1)
    assert timeline.sites[-1].name == CRITICAL_PATH
    assert timeline.sites[-1].lanes == [("compute", [Span(1, 3, "training")]), ("queue", [Span(0, 1, "training")])]


@pytest.mark.parametrize("wait", [0.0, 0.25])
def test_the_measures_of_the_server_are_shown_where_it_is_busy_and_works_wait(tmp_path: Path, wait: float) -> None:
    run = load_run(made(tmp_path, Ledger(), 1))
    busy = 0.5 if wait else 0.001
    run.summary["server_utilisation"], run.summary["server_wait_s"], run.summary["server_queue_length"] = (
        busy,
        wait,
        wait,
    )
    shown = [(column.name, column.cells[0].text) for column in measure_columns(run) if column.group == "Server"]
    assert shown == ([("Busy", "50 %"), ("Mean wait", "250 ms"), ("Mean queue", "0.25")] if wait else [])


def test_the_shares_of_a_path_by_hand(told: Path, tmp_path: Path) -> None:
    """Two seeds of two rounds, whose paths are 10 s a seed: 6 s on devices, 2 s in a queue, 2 s for a moment."""
    columns = path_columns(own(load_run(told)))
    assert [(column.name, column.cells[0].text, column.cells[0].value) for column in columns] == [
        ("Mean time", "5 s", 5.0),
        ("Devices compute", "60 %", 0.6),
        ("Queues", "20 %", 0.2),
        ("Other", "20 %", 0.2),
    ]
    assert path_columns(own(load_run(fabricate(tmp_path / "without")))) == []
