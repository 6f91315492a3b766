"""Timelines of rounds in which work is lost and devices are away, and of spans of time under asynchronous drivers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyarrow import parquet

from analysis import load_run, plot_round_timeline
from analysis.interactive.timeline import rounds_of, timeline_chart, timeline_figure
from analysis.runs import Run
from analysis.spans import Timeline, read_timeline
from simulator.accounting.ledger import (
    SET_ASIDE,
    AbsenceRow,
    AttemptRow,
    Ledger,
    RoundRow,
    SiteRow,
    TransferRow,
    WaitRow,
    WorkRow,
)
from tests.helpers.ledgers import TRAIN, made
from tests.helpers.reports import valid


def worked(client: str, start: float, seconds: float, round: int = 1, why: str = "") -> WorkRow:
    return WorkRow(client, client, "train", "training", round, start, start, seconds, 1, 1, 1, bool(why), why)


def filled(*rows: object) -> Ledger:
    ledger = Ledger()
    tables = {
        WorkRow: ledger.works,
        TransferRow: ledger.transfers,
        AttemptRow: ledger.attempts,
        RoundRow: ledger.rounds,
        AbsenceRow: ledger.absences,
        WaitRow: ledger.waits,
        SiteRow: ledger.sites,
    }
    for row in rows:
        tables[type(row)].add(row)  # type: ignore[index, arg-type]
    return ledger


def lossy() -> Ledger:
    """A round of 10 s after one of 5: one device is done, the other leaves and is away from 9 to 12."""
    return filled(
        *(RoundRow(1, 0, 5, 2), RoundRow(2, 5, 10, 1)),
        *(AttemptRow("pi-0", 2, 1, 5, 10, 2, 0, ""), AttemptRow("pi-1", 2, 1, 5, 4, 0, 0, "left")),
        *(worked("pi-0", 5, 10, 2), worked("pi-1", 5, 4, 2, "left"), worked("pi-1", 1, 1)),
        *(AbsenceRow("pi-1", 9, 3, "battery"), AbsenceRow("pi-1", 20, 3)),
    )


def asynchronous() -> Ledger:
    """Aggregations at 4, 8, 12, 16; pi-0 trains for 4 s each time, pi-1 for 10 s from 1 on."""
    quick = [worked("pi-0", 4 * n, 4, n) for n in range(4)]
    attempts = [AttemptRow("pi-0", n, n, 4 * n, 4, n + 1, 0, "") for n in range(4)]
    rounds = [RoundRow(n + 1, 4 * n, 4, 1) for n in range(4)]
    return filled(*quick, *attempts, *rounds, worked("pi-1", 1, 10, 0), AttemptRow("pi-1", 1, 0, 1, 10, 3, 2, ""))


def spans(timeline: Timeline) -> dict[str, list[tuple[float, float, str]]]:
    return {
        site.name: [(span.start, span.seconds, span.reason) for _, lane in site.lanes for span in lane]
        for site in timeline.sites
    }


def run_of(folder: Path, ledger: Ledger, end: float = 30) -> Run:
    return load_run(made(folder, ledger, end))


def test_what_was_in_vain_says_why_and_absences_are_those_of_the_round(tmp_path: Path) -> None:
    timeline = read_timeline(run_of(tmp_path, lossy()), "FL", 2)
    assert spans(timeline) == {"pi-1": [(0, 4, "left")], "pi-0": [(0, 10, "")]}
    assert {site.name: site.away for site in timeline.sites} == {"pi-1": [(4, 3, "battery")], "pi-0": []}
    assert (timeline.title, timeline.seconds, timeline.lossy) == ("round 2", 10, True)
    assert timeline.absences == ["battery empty"]


def test_what_was_unfinished_at_the_end_was_not_in_vain(tmp_path: Path) -> None:
    ledger = filled(worked("pi-0", 0, 2), worked("pi-0", 2, 1, why="unfinished"))
    assert not read_timeline(run_of(tmp_path, ledger), "FL", 1).lossy


@pytest.mark.parametrize("away", [False, True])
def test_a_server_that_computed_nothing_is_shown_if_it_was_away(tmp_path: Path, away: bool) -> None:
    sent = TransferRow("server", "pi-0", "pi-0", "model", "model exchange", 1, 0, 4, 9, 0, 0, 1, "outage")
    rows = filled(sent, worked("pi-0", 4, 2), AttemptRow("pi-0", 1, 0, 0, 6, 0, 0, "outage"), RoundRow(1, 0, 6))
    if away:
        rows.absences.add(AbsenceRow("server", 5, 3))
    timeline = read_timeline(run_of(tmp_path, rows), "FL", 1)
    assert [site.name for site in timeline.sites] == ["pi-0", "server"][: 1 + away]


def test_a_round_in_which_nothing_was_lost_has_neither(tmp_path: Path) -> None:
    timeline = read_timeline(run_of(tmp_path, lossy()), "FL", 1)
    assert (timeline.lossy, timeline.absences, timeline.last_round) == (False, [], None)


def test_where_attempts_last_over_several_rounds_a_span_as_long_as_the_longest_is_shown(tmp_path: Path) -> None:
    timeline = read_timeline(run_of(tmp_path, asynchronous()), "FL", 2)
    assert (timeline.title, timeline.seconds) == ("rounds 2 to 4", 12)
    assert spans(timeline) == {
        "pi-1": [(0, 7, "")],
        "pi-0": [(0, 4, ""), (4, 4, ""), (8, 4, "")],
    }, "cut off at the ends of the span, whatever round they belong to"


def test_a_span_ends_with_the_trial(tmp_path: Path) -> None:
    timeline = read_timeline(run_of(tmp_path, asynchronous()), "FL", 3)
    assert (timeline.title, timeline.seconds) == ("rounds 3 to 4", 8)


def test_an_attempt_that_the_next_round_begins_with_is_of_that_round_alone(tmp_path: Path) -> None:
    clean = filled(
        *(RoundRow(1, 0, 5, 1), RoundRow(2, 5, 5, 1), worked("pi-0", 0, 5, 1), worked("pi-0", 5, 5, 2)),
        *(AttemptRow("pi-0", 1, 0, 0, 5, 1, 0, ""), AttemptRow("pi-0", 2, 1, 5, 5, 2, 0, "")),
    )
    assert read_timeline(run_of(tmp_path, clean), "FL", 2).last_round is None


def test_the_figure_has_traces_of_what_was_in_vain_and_of_absences(tmp_path: Path) -> None:
    figure = timeline_figure(read_timeline(run_of(tmp_path, lossy()), "FL", 2))
    valid(figure)
    by_name = {trace["name"]: trace for trace in figure["data"]}
    assert set(by_name) == {"training", "training, wasted", "away"}
    assert by_name["training, wasted"]["hovertext"][0].endswith("wasted: left")
    assert by_name["away"]["y"] == [0, 1, 2], "in all lanes of the device"
    assert by_name["away"]["hovertext"][0] == "<b>pi-1</b>: battery empty<br>4 s to 7 s"


def test_only_a_chart_with_losses_explains_them(tmp_path: Path) -> None:
    captions = []
    for name, ledger in (("lossy", lossy()), ("asynchronous", asynchronous())):
        run = run_of(tmp_path / name, ledger)
        captions.append(timeline_chart({label: (own, at, 2) for label, (own, at, _) in rounds_of(run).items()}).caption)
    assert ["Wasted" in caption for caption in captions] == [True, False]


@pytest.mark.parametrize(("ledger", "title"), [(lossy, "FL: round 2, 10 s"), (asynchronous, "FL: rounds 2 to 4, 12 s")])
def test_the_picture_says_what_it_shows(tmp_path: Path, ledger: Callable[[], Ledger], title: str) -> None:
    (ax,) = plot_round_timeline(run_of(tmp_path, ledger()), 2)
    assert ax.get_title(loc="left") == title


def served(start: float, seconds: float, client: str = "pi-0", site: str = "server", **more: Any) -> WorkRow:
    return WorkRow(site, client, *TRAIN, start, start, seconds, 10, 20, **more)


def world_of(folder: Path, **keys: object) -> None:
    """Change the world in the scenario of a run."""
    scenario = yaml.safe_load((folder / "scenario.yaml").read_text())
    scenario["world"] |= keys
    (folder / "scenario.yaml").write_text(yaml.safe_dump(scenario))


def lanes(timeline: Timeline, site: str = "server") -> list[tuple[str, list[tuple[float, float, int]]]]:
    """The lanes of a site, each with the start, the seconds and the number of works of its spans."""
    (found,) = (each for each in timeline.sites if each.name == site)
    return [(name, [(span.start, span.seconds, span.works) for span in spans]) for name, spans in found.lanes]


def test_works_that_share_a_pass_share_a_lane(tmp_path: Path) -> None:
    rows = [served(0, 2, client, share=1 / 3, batch=1) for client in ("pi-0", "pi-1", "pi-2")]
    timeline = read_timeline(run_of(tmp_path, filled(*rows, served(2, 1))), "FL", 1)
    assert lanes(timeline) == [("compute", [(0, 2, 3), (2, 1, 1)])]
    assert timeline.devices == 3
    hover = [text for trace in timeline_figure(timeline)["data"] for text in trace["hovertext"]]
    assert [text.partition("<br>")[2] for text in hover] == [
        "0 s to 2 s, 2 s<br>3 works in one pass",
        "2 s to 3 s, 1 s",
    ]


def test_a_work_is_drawn_only_while_it_is_not_set_aside(tmp_path: Path) -> None:
    aside = WaitRow("server", "pi-0", *TRAIN, 1, 2, 0, SET_ASIDE, 1)
    rows = served(0, 5, share=0.6, aside=1), served(1, 2, "pi-1"), aside
    assert lanes(read_timeline(run_of(tmp_path, filled(*rows)), "FL", 1)) == [
        ("compute", [(0, 1, 1), (1, 2, 1), (3, 2, 1)]),
    ]


def test_works_that_share_the_processor_have_lanes_of_works(tmp_path: Path) -> None:
    folder = made(tmp_path, filled(served(0, 4, share=0.5), served(0, 4, "pi-1", share=0.5)), 4)
    world_of(folder, server={"name": "gpu", "queue": {"name": "processor_sharing"}})
    timeline = read_timeline(load_run(folder), "FL", 1)
    assert [name for name, _ in lanes(timeline)] == ["work 1", "work 2"]


def test_a_run_without_the_columns_of_passes_and_waits_is_read(tmp_path: Path) -> None:
    folder = made(tmp_path, filled(served(0, 2), served(2, 1, "pi-1")), 3)
    place = folder / "ledger" / "FL-0"
    table = parquet.read_table(place / "works.parquet")
    parquet.write_table(table.drop(["gpu", "share", "batch", "aside"]), place / "works.parquet")
    (place / "waits.parquet").unlink()
    assert lanes(read_timeline(load_run(folder), "FL", 1)) == [("compute", [(0, 2, 1), (2, 1, 1)])]


def test_an_edge_has_lanes_for_its_way_up_not_for_that_to_its_devices(tmp_path: Path) -> None:
    def sent(source: str, target: str, start: float) -> TransferRow:
        return TransferRow(source, target, None, "model", "model exchange", 1, start, 1, 9, 0, 0)

    rows = [
        sent("server", "hall-0", 0),
        sent("hall-0", "pi-0", 1),
        sent("pi-0", "hall-0", 2),
        sent("hall-0", "server", 4),
    ]
    edge = SiteRow("hall-0", "hall", "edge", 1, 1e9, 1, 2, 2, 2, 1, "server")
    folder = made(tmp_path, filled(*rows, served(3, 1, site="hall-0"), edge), 5)
    world_of(folder, edges=[{"name": "gpu", "label": "hall", "queue": {"name": "processor_sharing"}}])
    assert lanes(read_timeline(load_run(folder), "FL", 1), "hall-0 (edge)") == [
        ("compute", [(3, 1, 1)]),
        ("up", [(4, 1, 1)]),
        ("down", [(0, 1, 1)]),
    ]
